#!/usr/bin/env bash
# Deploys the function and runs it once: image, registry, terraform, run. Every step is idempotent, so the script can be run again at any
# point and after every change: docs/deploy.md.
set -euo pipefail

readonly HELP='Usage: scripts/deploy.sh --compartment OCID --region REGION [options]
       scripts/deploy.sh [options]                 with the compartment and the region of the last time
       scripts/deploy.sh --uninstall [--dry-run]

Builds the Epimetheus image, pushes it to the registry of the region, applies terraform/stack, runs the function once, and shows its report.
Terraform reads all other variables (syslog_host, tenancy_ocid, ...) from terraform/stack/terraform.tfvars. The script keeps its own answers in
terraform/stack/deploy.auto.tfvars, which Terraform reads too, so that `terraform plan` needs no arguments.

  --compartment OCID   compartment for all resources
  --region REGION      region of the function, such as eu-frankfurt-1
  --image-only         build and push the image, and print its name
  --plan-only          show the plan without applying it
  --uninstall          remove what Terraform created, except what it protects: shows first what is removed, what stays, and why
  --dry-run            with --uninstall: only show it
  --repository NAME    repository in the registry (default: epimetheus)
  --platform PLATFORM  platform of the image (default: linux/amd64; use linux/arm64 for shape = "GENERIC_ARM")
  --base IMAGE         base image, for example pinned by digest (default: see Dockerfile)
  --terraform FOLDER   folder with the root module of Terraform (default: terraform/stack)
  --yes                apply the plan without confirmation
  --no-run             deploy without running the function
  --wait SECONDS       how long to wait for the report, or for OCI to release the network (default: 900)
  --poll SECONDS       interval between checks (default: 15)
  --help               show this help

Requires python3, terraform, the OCI CLI with a profile that has the permissions (OCI_CLI_PROFILE, OCI_CLI_AUTH), and docker or podman,
logged in to the registry. The script takes no secrets and passes none on a command line.

Exit codes: 0 deployed, and the run succeeded; 1 the run failed; 2 usage error or missing tool; 3 not logged in; 4 repository;
5 build; 6 push; 7 terraform; 8 the function did not start; 9 no report in time; 10 invalid settings.'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
compartment='' region='' repository=epimetheus platform=linux/amd64 base='' folder=$root/terraform/stack yes='' run=yes seconds=900 poll=15
until=run uninstall='' dry=''

step() { printf '\n== %s\n' "$*"; }

end() { # CODE MESSAGE: print an error with its remedy and exit
    printf 'deploy.sh: %s\n' "$2" >&2
    exit "$1"
}

arguments() {
    while (($#)); do
        case $1 in
            --help | -h) printf '%s\n' "$HELP" && exit 0 ;;
            --yes) yes=yes && shift && continue ;;
            --no-run) run='' && shift && continue ;;
            --image-only) until=image && shift && continue ;;
            --plan-only) until=plan && shift && continue ;;
            --uninstall) uninstall=yes && shift && continue ;;
            --dry-run) dry=yes && shift && continue ;;
        esac
        (($# > 1)) || end 2 "$1 requires a value or is unknown. See --help."
        case $1 in
            --compartment) compartment=$2 ;;
            --region) region=$2 ;;
            --repository) repository=$2 ;;
            --platform) platform=$2 ;;
            --base) base=$2 ;;
            --terraform) folder=$2 ;;
            --wait) seconds=$2 ;;
            --poll) poll=$2 ;;
            *) end 2 "Unknown option $1. See --help." ;;
        esac
        shift 2
    done
    [[ ! $dry || $uninstall ]] || end 2 "--dry-run: use it with --uninstall. To see the plan of a deployment, use --plan-only."
    [[ $seconds =~ ^[0-9]+$ && $poll =~ ^[0-9]+$ ]] || end 2 "--wait and --poll: use an integer number of seconds."
    [[ ! $uninstall ]] || return 0
    [[ $compartment ]] || compartment=$(answered compartment_ocid)
    [[ $region ]] || region=$(answered region)
    [[ $compartment == ocid1.compartment.* || $compartment == ocid1.tenancy.* ]] ||
        end 2 "--compartment: use the OCID of a compartment or tenancy. It is needed the first time."
    [[ $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || end 2 "--region: use a region identifier such as eu-frankfurt-1."
}

answers() { printf '%s' "$folder/deploy.auto.tfvars"; }

answered() { # VARIABLE: prints the answer of the last time, or nothing
    [[ ! -e $(answers) ]] || sed -n "s/^$1 *= \"\(.*\)\"\$/\1/p" "$(answers)"
}

keep_answers() {
    {
        echo "# Written by scripts/deploy.sh at each run. Terraform reads it; your own variables are in terraform.tfvars."
        printf '%s = "%s"\n' compartment_ocid "$compartment" region "$region" image "$image" image_digest "$digest"
    } >"$(answers)"
}

check_settings() { # with the file that Terraform reads, before anything is built
    local file=$folder/terraform.tfvars python=$root/.venv/bin/python
    [[ -e $file && $until != image ]] || return 0
    step "Settings"
    if [[ ! -x $python ]]; then
        echo "Not checked: 'make setup' installs the command that checks them. Terraform checks them in the plan."
        return
    fi
    PYTHONPATH=$root "$python" -m epimetheus validate --tfvars "$file" >"$work/settings" 2>&1 || {
        cat "$work/settings"
        end 10 "The settings in $file are not valid. See the errors above."
    }
    echo "The settings in $file are valid."
}

check_tools() { # reports all missing tools together
    local missing=() tool
    for tool in python3 terraform oci; do
        [[ $uninstall && $tool == oci ]] || command -v "$tool" >/dev/null || missing+=("$tool")
    done
    engine=''
    for tool in docker podman; do
        if "$tool" info >/dev/null 2>&1; then
            engine=$tool
            break
        fi
    done
    [[ $engine || $uninstall ]] || missing+=("docker or podman (installed and running)")
    [[ -d $folder ]] || missing+=("the folder $folder")
    ((${#missing[@]} == 0)) || end 2 "Missing: $(printf '%s; ' "${missing[@]}" | sed 's/; $//'). Install them, or use OCI Cloud Shell."
}

oci_() { oci --region "$region" "$@"; }

login() {
    local key
    step "Login"
    key=$(oci iam region-subscription list --query "data[?\"region-name\"=='$region'].\"region-key\" | [0]" --raw-output) ||
        end 3 "The OCI CLI is not logged in. Run 'oci setup config' or 'oci session authenticate'."
    [[ $key =~ ^[A-Za-z]{3,}$ ]] || end 3 "The tenancy is not subscribed to $region. Subscribe to it, or use another --region."
    namespace=$(oci_ os ns get --query data --raw-output) || end 3 "Cannot read the Object Storage namespace. See the error above."
    registry=$(printf '%s' "$key" | tr '[:upper:]' '[:lower:]').ocir.io
    "$engine" login "$registry" </dev/null >/dev/null 2>&1 ||
        end 3 "$engine is not logged in to $registry. Run '$engine login $registry' as user $namespace/USER with an auth token of that user."
    echo "OCI CLI and $engine are logged in; registry $registry/$namespace"
}

tag() { # the same files, base, and platform give the same tag, so an existing image is reused
    python3 - "$root" "$base" "$platform" <<'PYTHON'
import hashlib, pathlib, sys
root, *choices = sys.argv[1:]
root = pathlib.Path(root)
names = ["Dockerfile", ".dockerignore", "requirements.hashes.txt", "func.py", "scripts/prune-sdk", "scripts/compile-packages"]
files = [root / name for name in names] + sorted((root / "epimetheus").rglob("*.py"))
parts = [*map(str.encode, choices), *(part for file in files for part in (str(file.relative_to(root)).encode(), file.read_bytes()))]
digest = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
version = next(line.split()[1] for line in (root / "func.yaml").read_text("utf-8").splitlines() if line.startswith("version:"))
print(f"{version}-{digest[:12]}")
PYTHON
}

make_repository() {
    local found
    step "Repository $repository"
    found=$(oci_ artifacts container repository list --compartment-id "$compartment" --display-name "$repository" \
        --query 'data.items[0].id' --raw-output) || end 4 "Cannot list the repositories of the registry. Allow 'read repos'."
    if [[ $found == ocid1.* ]]; then
        echo "The repository exists."
        return
    fi
    oci_ artifacts container repository create --compartment-id "$compartment" --display-name "$repository" --is-public false >/dev/null ||
        end 4 "Cannot create the repository $repository. Allow 'manage repos'; if the name is taken in another compartment, use --repository."
    echo "Created the repository."
}

pushed() { # prints the digest of the image in the registry, or nothing
    local digest
    digest=$(oci_ artifacts container image list --compartment-id "$compartment" --repository-name "$repository" --all \
        --query "data.items[?version=='$version'].digest | [0]" --raw-output) || end 6 "Cannot list the images of the registry. Allow 'read repos'."
    [[ $digest == sha256:* ]] && printf '%s' "$digest" || true
}

build_and_push() {
    local options=(--platform "$platform")
    version=$(tag)
    image=$registry/$namespace/$repository:$version
    step "Image $image"
    digest=$(pushed)
    if [[ $digest ]]; then
        echo "The image is already in the registry."
        return
    fi
    if "$engine" image inspect "$image" >/dev/null 2>&1; then
        echo "The image is already built."
    else
        [[ -z $base ]] || options+=(--build-arg "BASE=$base")
        "$engine" build "${options[@]}" --tag "$image" "$root" || end 5 "Cannot build the image. See the error of $engine above."
    fi
    "$engine" push "$image" || end 6 "Cannot push the image. See the error of $engine above; the user needs 'manage repos'."
    digest=$(pushed)
    [[ $digest ]] || end 6 "The registry does not list the pushed image yet. Run this script again in a minute."
}

initialize() {
    terraform -chdir="$folder" init -input=false >"$work/init" || {
        cat "$work/init"
        end 7 "terraform init failed. See the error above."
    }
}

apply() {
    local code=0 answer=''
    step "Terraform"
    keep_answers
    initialize
    terraform -chdir="$folder" plan -input=false -detailed-exitcode -out="$work/plan" || code=$?
    case $code in
        0) echo "No changes." && return ;;
        2) ;;
        *) end 7 "terraform plan failed. See the error above." ;;
    esac
    [[ $until != plan ]] || return 0
    if [[ ! $yes ]]; then
        read -r -p "Apply this plan? (yes) " answer || true
        [[ $answer == yes ]] || end 7 "The plan was not applied. Answer yes, or use --yes."
    fi
    terraform -chdir="$folder" apply -input=false "$work/plan" ||
        end 7 "terraform apply failed. See the error above, then run this script again."
}

output() { # NAME [KEY]
    terraform -chdir="$folder" output -json "$1" | python3 -c 'import json, sys
value = json.load(sys.stdin)
print(value[sys.argv[1]] if len(sys.argv) > 1 else value)' "${@:2}" ||
        end 7 "terraform has no output $1 in $folder. Use --terraform with the folder of the Epimetheus module."
}

reports() { # prints the reports in a search result: 0 the run succeeded, 1 it failed, 3 no report yet
    python3 -c '
import json, sys

def lines(value):
    """The log lines of runs in value: structured, or as text in a message."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict) and value.get("event") == "run":
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from lines(each)

text = sys.stdin.read()
found = [line for line in lines(json.loads(text or "{}")) if (line.get("report") or {}).get("status") != "skipped"]
for line in found:
    print(line.get("message"), line.get("do") or "")
    print(json.dumps(line.get("report") or line, indent=2))
sys.exit(3 if not found else any(line.get("level") == "ERROR" for line in found))
'
}

first_run() {
    local function search started code
    function=$(output function_ocid)
    search=$(output log_searches everything)
    started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    step "Run of $function"
    oci_ fn function invoke --function-id "$function" --fn-invoke-type detached --body '{}' --file - >"$work/invoked" || {
        cat "$work/invoked"
        end 8 "Cannot start the function. New policies take some minutes; run this script again."
    }
    echo "Started. Waiting up to $seconds s for its report, which takes a minute or more."
    SECONDS=0
    while true; do
        sleep "$poll"
        oci_ logging-search search-logs --search-query "$search" --time-start "$started" \
            --time-end "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$work/found" || end 9 "Cannot search the log. Allow 'read log-content'."
        code=0
        reports <"$work/found" || code=$?
        case $code in
            0) return ;;
            1) end 1 "The run failed. See its report above. New policies take some minutes; run this script again." ;;
            3) ;;
            *) end 9 "The result of the log search is not valid JSON. Run this script again." ;;
        esac
        ((SECONDS < seconds)) || end 9 "There is no report after $seconds s. Search OCI Logging: $search"
    done
}

uninstall() { # what Terraform protects is forgotten, so that it stays; everything else is destroyed
    local kept address answer='' bucket ledger
    step "Uninstall"
    initialize
    terraform -chdir="$folder" state list >"$work/resources" || end 7 "Cannot read the state of Terraform. See the error above."
    kept=$(sed -n '/\.oci_objectstorage_bucket\./p; /\.oci_kms_vault\./p' "$work/resources")
    bucket=$(output bucket 2>/dev/null || true) ledger=$(output ledger_bucket 2>/dev/null || true)
    echo "Removed: $(sed '/^data\./d; /\.data\./d; /\.oci_objectstorage_bucket\./d; /\.oci_kms_vault\./d' "$work/resources" | wc -l | tr -d ' ') resources."
    echo "These stay:"
    [[ $kept != *oci_objectstorage_bucket.state* ]] || echo "- the bucket $bucket: it has the state, with which a later deployment continues"
    [[ $kept != *oci_objectstorage_bucket.ledger* ]] || echo "- the bucket $ledger: it has the ledger and the seals, the evidence of what was sent"
    [[ $kept != *oci_kms_vault* ]] || echo "- the vault: OCI keeps a deleted vault for 7 days or more, and its name stays in use"
    [[ $(<"$work/resources") != *.oci_core_subnet.* ]] ||
        echo "- the network, for about 5 minutes: OCI releases it only after it has deleted the application; the script waits for that"
    echo "- the repository of the image, and your auth token"
    echo "docs/deploy.md has the commands that delete them. All events stay in OCI for a year, and what was forwarded in the SIEM."
    [[ ! $dry ]] || return 0
    if [[ ! $yes ]]; then
        read -r -p "Uninstall? (yes) " answer || true
        [[ $answer == yes ]] || end 7 "Nothing was removed. Answer yes, or use --yes."
    fi
    while IFS= read -r address; do
        [[ ! $address ]] || terraform -chdir="$folder" state rm "$address" >/dev/null || end 7 "Cannot change the state of Terraform. See the error above."
    done <<<"$kept"
    SECONDS=0
    until terraform -chdir="$folder" destroy -input=false -auto-approve; do
        ((SECONDS < seconds)) || end 7 "terraform destroy failed. See the error above, then run this script again."
        echo "OCI releases the network of a deleted application after some minutes. Trying again in $poll s."
        sleep "$poll"
    done
    step "Done"
}

arguments "$@"
check_tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT # the plan contains the values of variables
if [[ $uninstall ]]; then
    uninstall
    exit 0
fi
check_settings
login
make_repository
build_and_push
if [[ $until == image ]]; then
    printf 'image        = "%s"\nimage_digest = "%s"\n' "$image" "$digest"
    exit 0
fi
apply
[[ ! $run || $until == plan ]] || first_run
step "Done"
