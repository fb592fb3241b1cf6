#!/usr/bin/env bash
# From nothing to the first run's report: image, registry, terraform, run. Each step looks first whether it is done, so that it can be
# run again at any point, and after every change: docs/deploy.md.
set -euo pipefail

readonly HELP='Usage: scripts/deploy.sh --compartment OCID --region REGION [options]

Builds the image of Epimetheus, pushes it to the registry of the region, applies terraform/, runs the function once, and shows the
report of that run. Everything else (syslog_host, tenancy_ocid, ...) is read by terraform from terraform/terraform.tfvars.

  --compartment OCID   where everything is made
  --region REGION      where the function runs, like eu-frankfurt-1
  --repository NAME    the repository in the registry (epimetheus)
  --platform PLATFORM  what the image is built for (linux/amd64; linux/arm64 for shape = "GENERIC_ARM")
  --base IMAGE         another base image, or the same one by digest (see Dockerfile)
  --terraform FOLDER   another folder with the Terraform module (terraform)
  --yes                apply what terraform plans without asking
  --no-run             end once it is deployed
  --wait SECONDS       how long to wait for the report (900)
  --poll SECONDS       how often to look for it (15)
  --help               this

Needs python3, terraform, the OCI CLI with a profile that may do all this (OCI_CLI_PROFILE, OCI_CLI_AUTH), and docker or podman, logged
in to the registry. No secret is given to it, and none on a command line by it.

Exit codes: 0 deployed, and the run was good; 1 the run failed; 2 usage, or something is missing; 3 not logged in; 4 repository;
5 build; 6 push; 7 terraform; 8 the function could not be started; 9 no report in time.'

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
compartment='' region='' repository=epimetheus platform=linux/amd64 base='' folder=$root/terraform yes='' run=yes seconds=900 poll=15

step() { printf '\n== %s\n' "$*"; }

end() { # CODE WORDS: the one line that says what went wrong, and what to do
    printf 'deploy.sh: %s\n' "$2" >&2
    exit "$1"
}

arguments() {
    while (($#)); do
        case $1 in
            --help | -h) printf '%s\n' "$HELP" && exit 0 ;;
            --yes) yes=yes && shift && continue ;;
            --no-run) run='' && shift && continue ;;
        esac
        (($# > 1)) || end 2 "$1 needs a value, or is unknown; see --help."
        case $1 in
            --compartment) compartment=$2 ;;
            --region) region=$2 ;;
            --repository) repository=$2 ;;
            --platform) platform=$2 ;;
            --base) base=$2 ;;
            --terraform) folder=$2 ;;
            --wait) seconds=$2 ;;
            --poll) poll=$2 ;;
            *) end 2 "There is no option $1; see --help." ;;
        esac
        shift 2
    done
    [[ $compartment == ocid1.compartment.* || $compartment == ocid1.tenancy.* ]] || end 2 "--compartment needs the OCID of a compartment."
    [[ $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || end 2 "--region needs a region like eu-frankfurt-1."
    [[ $seconds =~ ^[0-9]+$ && $poll =~ ^[0-9]+$ ]] || end 2 "--wait and --poll need whole numbers of seconds."
}

needs() { # all that is missing, at once
    local missing=() tool
    for tool in python3 terraform oci; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    engine=''
    for tool in docker podman; do
        if "$tool" info >/dev/null 2>&1; then
            engine=$tool
            break
        fi
    done
    [[ $engine ]] || missing+=("docker or podman (installed and running)")
    [[ -d $folder ]] || missing+=("the folder $folder")
    ((${#missing[@]} == 0)) || end 2 "Missing: $(printf '%s; ' "${missing[@]}" | sed 's/; $//'). OCI's Cloud Shell has all tools."
}

oci_() { oci --region "$region" "$@"; }

login() {
    local key
    step "Login"
    key=$(oci iam region-subscription list --query "data[?\"region-name\"=='$region'].\"region-key\" | [0]" --raw-output) ||
        end 3 "The OCI CLI is not logged in: try 'oci iam region-subscription list', then 'oci setup config' or 'oci session authenticate'."
    [[ $key =~ ^[A-Za-z]{3,}$ ]] || end 3 "The tenancy is not subscribed to $region."
    namespace=$(oci_ os ns get --query data --raw-output) || end 3 "The Object Storage namespace could not be asked for."
    registry=$(printf '%s' "$key" | tr '[:upper:]' '[:lower:]').ocir.io
    "$engine" login "$registry" </dev/null >/dev/null 2>&1 ||
        end 3 "$engine is not logged in to $registry: '$engine login $registry', user $namespace/USER, password: that user's auth token."
    echo "OCI CLI and $engine are logged in; registry $registry/$namespace"
}

tag() { # the same files, base and platform give the same tag: what is built and pushed already is found again
    python3 - "$root" "$base" "$platform" <<'PYTHON'
import hashlib, pathlib, sys
root, *choices = sys.argv[1:]
root = pathlib.Path(root)
names = ["Dockerfile", ".dockerignore", "requirements.txt", "func.py", "scripts/prune-sdk"]
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
        --query 'data.items[0].id' --raw-output) || end 4 "The registry's repositories could not be listed: read repos is needed."
    if [[ $found == ocid1.* ]]; then
        echo "It is there."
        return
    fi
    oci_ artifacts container repository create --compartment-id "$compartment" --display-name "$repository" --is-public false >/dev/null ||
        end 4 "The repository $repository could not be made: manage repos is needed, and no repository of that name in the tenancy."
    echo "Made."
}

pushed() { # the digest of the image in the registry; nothing where it is not there
    local digest
    digest=$(oci_ artifacts container image list --compartment-id "$compartment" --repository-name "$repository" --all \
        --query "data.items[?version=='$version'].digest | [0]" --raw-output) || end 6 "The registry's images could not be listed."
    [[ $digest == sha256:* ]] && printf '%s' "$digest" || true
}

build_and_push() {
    local options=(--platform "$platform")
    version=$(tag)
    image=$registry/$namespace/$repository:$version
    step "Image $image"
    digest=$(pushed)
    if [[ $digest ]]; then
        echo "It is in the registry."
        return
    fi
    if "$engine" image inspect "$image" >/dev/null 2>&1; then
        echo "It is built."
    else
        [[ -z $base ]] || options+=(--build-arg "BASE=$base")
        "$engine" build "${options[@]}" --tag "$image" "$root" || end 5 "The image could not be built; $engine says why above."
    fi
    "$engine" push "$image" || end 6 "The image could not be pushed: $engine says why above; manage repos is needed."
    digest=$(pushed)
    [[ $digest ]] || end 6 "The registry does not list the image that was pushed: run this again in a minute."
}

apply() {
    local code=0 answer=''
    step "Terraform"
    terraform -chdir="$folder" init -input=false >"$work/init" || {
        cat "$work/init"
        end 7 "terraform init failed; it says why above."
    }
    terraform -chdir="$folder" plan -input=false -detailed-exitcode -out="$work/plan" -var "compartment_ocid=$compartment" \
        -var "region=$region" -var "image=$image" -var "image_digest=$digest" || code=$?
    case $code in
        0) echo "Nothing to change." && return ;;
        2) ;;
        *) end 7 "terraform plan failed; it says why above." ;;
    esac
    if [[ ! $yes ]]; then
        read -r -p "Apply this? (yes) " answer || true
        [[ $answer == yes ]] || end 7 "Nothing was applied; answer yes, or give --yes."
    fi
    terraform -chdir="$folder" apply -input=false "$work/plan" || end 7 "terraform apply failed; it says why above. Run this again."
}

output() { # NAME [KEY]
    terraform -chdir="$folder" output -json "$1" | python3 -c 'import json, sys
value = json.load(sys.stdin)
print(value[sys.argv[1]] if len(sys.argv) > 1 else value)' "${@:2}" || end 7 "terraform has no output $1 in $folder: is it this module?"
}

reports() { # what a search of the log found, told: 0 a good run, 1 a failed one, 3 no report yet
    python3 -c '
import json, sys

def lines(value):
    """The lines of runs in it: structured, or as text in a message."""
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
        end 8 "The function could not be started. Just made, its policies may need some minutes: run this again."
    }
    echo "Started. Its log line takes a minute or more; looking for up to $seconds s."
    SECONDS=0
    while true; do
        sleep "$poll"
        oci_ logging-search search-logs --search-query "$search" --time-start "$started" \
            --time-end "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$work/found" || end 9 "The log could not be searched; read log-content is needed."
        code=0
        reports <"$work/found" || code=$?
        case $code in
            0) return ;;
            1) end 1 "The run failed; the report above says why. Just made, its policies may need some minutes: run this again." ;;
            3) ;;
            *) end 9 "What the search of the log found was not understood." ;;
        esac
        ((SECONDS < seconds)) || end 9 "There is no report after $seconds s. Look for it in OCI Logging: $search"
    done
}

arguments "$@"
needs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT # the plan holds the values of variables
login
make_repository
build_and_push
apply
[[ ! $run ]] || first_run
step "Done"
