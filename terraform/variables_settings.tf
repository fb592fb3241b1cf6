# Settings of the function: one variable for each key of its configuration, in lower case (docs/settings.md). With null, an empty string or
# an empty list, the function uses its default. tests/terraform compares descriptions, validations and messages with
# epimetheus/config/settings.py.

variable "syslog_host" {
  type        = string
  nullable    = false
  description = "Host name or IP address of the syslog receiver. Its port is syslog_port."

  validation {
    condition = (
      length(var.syslog_host) <= 253 &&
      can(regex("^(?:[\\w-]+(?:\\.[\\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$", var.syslog_host))
    )
    error_message = "syslog_host: expected a host name or an IP address, without a port."
  }
}

variable "syslog_port" {
  type        = number
  default     = 6514
  nullable    = false
  description = "TCP port of the receiver. The network that this module creates allows traffic to this port."

  validation {
    condition = (
      floor(var.syslog_port) == var.syslog_port &&
      var.syslog_port >= 1 &&
      var.syslog_port <= 65535
    )
    error_message = "syslog_port: expected an integer from 1 to 65535."
  }
}

variable "syslog_transport" {
  type        = string
  default     = "tls"
  nullable    = false
  description = "Protocol: syslog over TLS, RELP over TLS (the receiver acknowledges every message), or syslog over unencrypted TCP. Values: tls, relp or tcp."

  validation {
    condition     = can(regex("^(?:tls|relp|tcp)?$", var.syslog_transport))
    error_message = "syslog_transport: expected tls, relp or tcp."
  }
}

variable "syslog_confirm_delay_seconds" {
  type        = number
  default     = 0.2
  nullable    = false
  description = "Seconds that the receiver must stay up after it reads a batch before the batch counts as delivered. Not used with relp."

  validation {
    condition     = var.syslog_confirm_delay_seconds >= 0.15 && var.syslog_confirm_delay_seconds <= 10
    error_message = "syslog_confirm_delay_seconds: expected a number from 0.15 to 10."
  }
}

variable "syslog_ca" {
  type        = string
  default     = null
  description = "CA certificates that verify the receiver's certificate. PEM certificates are stored as an object in the bucket. Default: the system trust store."

  validation {
    condition = var.syslog_ca == null || can(regex(join("|", [
      "^$",
      "^(?:file|object):.+$",
      "^vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$",
      "-----BEGIN\\s*CERTIFICATE-----",
    ]), trimspace(var.syslog_ca)))
    error_message = "syslog_ca: expected PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME."
  }
}

variable "syslog_client_cert" {
  type        = string
  default     = null
  description = "Client certificate, with any intermediate certificates, for mutual TLS. Requires syslog_client_key or create_vault. PEM certificates are stored as an object in the bucket."

  validation {
    condition = var.syslog_client_cert == null || can(regex(join("|", [
      "^$",
      "^(?:file|object):.+$",
      "^vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$",
      "-----BEGIN\\s*CERTIFICATE-----",
    ]), trimspace(var.syslog_client_cert)))
    error_message = "syslog_client_cert: expected PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME."
  }
}

variable "syslog_client_key" {
  type        = string
  default     = null
  description = "Private key of syslog_client_cert. It must be a secret in an existing vault: vault:SECRET_OCID. To create a vault and a secret, use create_vault."

  validation {
    condition = var.syslog_client_key == null || can(regex(
      "^(?:vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      trimspace(var.syslog_client_key)
    ))
    error_message = "syslog_client_key: expected vault:SECRET_OCID."
  }
}

variable "syslog_server_name" {
  type        = string
  default     = null
  description = "Name that the receiver's certificate must contain, if it differs from syslog_host."

  validation {
    condition = var.syslog_server_name == null || try(
      length(var.syslog_server_name) <= 253 &&
      can(regex("^(?:[\\w-]+(?:\\.[\\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)?$", var.syslog_server_name)),
      false
    )
    error_message = "syslog_server_name: expected a host name or an IP address."
  }
}

variable "syslog_framing" {
  type        = string
  default     = "octet-counting"
  nullable    = false
  description = "How messages are separated in the stream (RFC 6587): by a byte count before each message, or by a line feed after it. Not used with relp. Values: octet-counting or lf."

  validation {
    condition     = can(regex("^(?:octet-counting|lf)?$", var.syslog_framing))
    error_message = "syslog_framing: expected octet-counting or lf."
  }
}

variable "syslog_header" {
  type        = string
  default     = "rfc5424"
  nullable    = false
  description = "Syslog header: RFC 5424, or the older BSD format of RFC 3164. Values: rfc5424 or rfc3164."

  validation {
    condition     = can(regex("^(?:rfc5424|rfc3164)?$", var.syslog_header))
    error_message = "syslog_header: expected rfc5424 or rfc3164."
  }
}

variable "syslog_facility" {
  type        = string
  default     = "local0"
  nullable    = false
  description = "Syslog facility of every message."

  validation {
    condition = can(regex(
      "^(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|ntp|audit|alert|clock|local[0-7])?$",
      var.syslog_facility
    ))
    error_message = "syslog_facility: expected one of kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp, audit, alert, clock, local0, local1, local2, local3, local4, local5, local6, local7."
  }
}

variable "syslog_app_name" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "Application name in the syslog header: APP-NAME (RFC 5424) or TAG (RFC 3164)."

  validation {
    condition     = can(regex("^(?:[!-~]{1,48})?$", var.syslog_app_name))
    error_message = "syslog_app_name: expected up to 48 printable ASCII characters without spaces."
  }
}

variable "syslog_hostname" {
  type        = string
  default     = null
  description = "Host name in the syslog header. Default: the region that the event comes from."

  validation {
    condition     = var.syslog_hostname == null || can(regex("^(?:[!-~]{1,255})?$", var.syslog_hostname))
    error_message = "syslog_hostname: expected up to 255 printable ASCII characters without spaces."
  }
}

variable "syslog_max_bytes" {
  type        = number
  default     = 8000
  nullable    = false
  description = "Maximum size of a message in bytes, header and body; a longer message is truncated and marked. With relp, from 480 to 131072."

  validation {
    condition = (
      floor(var.syslog_max_bytes) == var.syslog_max_bytes && (var.syslog_max_bytes == 0 || var.syslog_max_bytes >= 480)
    )
    error_message = "syslog_max_bytes: expected 0 (no limit), or an integer of at least 480."
  }
}

variable "syslog_timeout_seconds" {
  type        = number
  default     = 10
  nullable    = false
  description = "Timeout in seconds for each of connect, TLS handshake, write and confirmation."

  validation {
    condition     = var.syslog_timeout_seconds >= 1 && var.syslog_timeout_seconds <= 120
    error_message = "syslog_timeout_seconds: expected a number from 1 to 120."
  }
}

variable "format" {
  type        = string
  default     = "cef"
  nullable    = false
  description = "Format of the message body. Values: cef, json, leef or ocsf."

  validation {
    condition     = can(regex("^(?:cef|json|leef|ocsf)?$", var.format))
    error_message = "format: expected cef, json, leef or ocsf."
  }
}

variable "ocsf_classes" {
  type        = string
  default     = "auto"
  nullable    = false
  description = "Classes of the events if format is ocsf: auto sends sign-ons as Authentication, changes of users, passwords and MFA as Account Change, changes of groups as Group Management, and the rest as API Activity; api sends everything as API Activity. Values: auto or api."

  validation {
    condition     = can(regex("^(?:auto|api)?$", var.ocsf_classes))
    error_message = "ocsf_classes: expected auto or api."
  }
}

variable "state_bucket" {
  type        = string
  default     = null
  description = "Object Storage bucket for the state and for the objects that object:NAME refers to. The module creates it, and never deletes it; see docs/deploy.md for a change. Default: the value of name."

  validation {
    condition     = var.state_bucket == null || can(regex("^(?:[\\w.-]{1,256})?$", var.state_bucket))
    error_message = "state_bucket: expected a bucket name without its namespace."
  }
}

variable "state_namespace" {
  type        = string
  default     = null
  description = "Object Storage namespace of the buckets. Default: the tenancy's namespace."

  validation {
    condition     = var.state_namespace == null || can(regex("^(?:[\\w-]{1,128})?$", var.state_namespace))
    error_message = "state_namespace: expected an Object Storage namespace."
  }
}

variable "state_prefix" {
  type        = string
  default     = "epimetheus/"
  nullable    = false
  description = "Start of the names of the objects of the state, the ledger and the seals. Deployments that share a bucket need different prefixes."

  validation {
    condition     = can(regex("^(?:[^/\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]{0,899})?$", var.state_prefix))
    error_message = "state_prefix: expected the start of an object name, not beginning with a slash."
  }
}

variable "ledger_bucket" {
  type        = string
  default     = null
  description = "Object Storage bucket for the ledger and the seals. The module creates it, and never deletes it; see docs/deploy.md for a change. Use the name of state_bucket for a single bucket, in which the function can overwrite objects. Default: the name of state_bucket, followed by -ledger."

  validation {
    condition     = var.ledger_bucket == null || can(regex("^(?:[\\w.-]{1,256})?$", var.ledger_bucket))
    error_message = "ledger_bucket: expected a bucket name without its namespace."
  }
}

variable "ledger_days" {
  type        = number
  default     = 35
  nullable    = false
  description = "Days for which the entries of the ledger are kept. In a bucket, a lifecycle rule deletes them."

  validation {
    condition = (
      floor(var.ledger_days) == var.ledger_days &&
      var.ledger_days >= 9 &&
      var.ledger_days <= 400
    )
    error_message = "ledger_days: expected an integer from 9 to 400."
  }
}

variable "seal_key" {
  type        = string
  default     = null
  description = "Private key that signs the seals and the ledger entries, from epimetheus seal keygen. If not set, seals form a chain but have no signature. It must be a secret in an existing vault: vault:SECRET_OCID."

  validation {
    condition = var.seal_key == null || can(regex(
      "^(?:vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      trimspace(var.seal_key)
    ))
    error_message = "seal_key: expected vault:SECRET_OCID."
  }
}

variable "seal_messages" {
  type        = bool
  default     = true
  nullable    = false
  description = "If true, each run sends the receiver a message that contains its seal."
}

variable "tenancy_ocid" {
  type        = string
  nullable    = false
  description = "Tenancy whose events are forwarded. The dynamic group and the policies are created in its root compartment."

  validation {
    condition     = can(regex("^ocid1\\.tenancy\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", var.tenancy_ocid))
    error_message = "tenancy_ocid: expected a tenancy OCID."
  }
}

variable "regions" {
  type        = list(string)
  default     = ["all"]
  nullable    = false
  description = "Regions whose events are forwarded; all stands for every region that the tenancy subscribes to."

  validation {
    condition = (
      alltrue([for each in var.regions : can(regex(join("|", [
        "^(?i)(?:all|[a-z]+(?:-[a-z]+)+-\\d+)$",
        # Region keys. regions.tf has their regions.
        "^(?i)(?:aga|ahu|ams|arn|auh|avf|avz|beg|bgy|bno|bog|bom|brs|cdg|cwl|dac|dln|doh|dtm|dtz|dus|dxb|ebb|ebl|fra",
        "gru|hnw|hsg|hyd|iad|ibr|icn|jbp|jed|jnb|jsk|kix|lej|lfi|lhr|lin|ltn|luf|mad|mct|mel|mrs|mty|mtz|mxp",
        "nja|nrq|nrt|onm|ord|orf|ork|pgc|phx|pia|qro|rba|ric|rkt|ruh|scl|shj|sin|sjc|snn|str|syd|tus|ukb|vap",
        "vcp|vll|vve|wga|xsp|yny|yul|yxj|yyz|zrh)$",
      ]), each))]) &&
      (!contains([for each in var.regions : lower(each)], "all") || length(var.regions) == 1)
    )
    error_message = "regions: expected all, or region identifiers or keys like eu-frankfurt-1 or fra."
  }
}

variable "compartment_mode" {
  type        = string
  default     = "all"
  nullable    = false
  description = "Compartments whose events are forwarded: all, only the root compartment (tenancy_only), only compartment_ids and their descendants (include), or all others (exclude)."

  validation {
    condition     = can(regex("^(?:all|tenancy_only|include|exclude)?$", var.compartment_mode))
    error_message = "compartment_mode: expected all, tenancy_only, include or exclude."
  }
}

variable "compartment_ids" {
  type        = list(string)
  default     = null
  description = "Compartments for compartment_mode. Required for include and exclude, otherwise not accepted."

  validation {
    condition = var.compartment_ids == null || try(
      alltrue([for each in var.compartment_ids : can(regex("^ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))]),
      false
    )
    error_message = "compartment_ids: expected compartment OCIDs."
  }
}

variable "listing_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes for which a listing of the compartments is reused, at most listing_max_age_minutes. With 0, every run lists them."

  validation {
    condition = (
      floor(var.listing_minutes) == var.listing_minutes &&
      var.listing_minutes >= 0 &&
      var.listing_minutes <= 1440
    )
    error_message = "listing_minutes: expected an integer from 0 to 1440."
  }
}

variable "listing_max_age_minutes" {
  type        = number
  default     = 60
  nullable    = false
  description = "Age in minutes above which a listing of compartments or regions makes runs partial, because new ones may be missing."

  validation {
    condition = (
      floor(var.listing_max_age_minutes) == var.listing_max_age_minutes &&
      var.listing_max_age_minutes >= 1 &&
      var.listing_max_age_minutes <= 10080
    )
    error_message = "listing_max_age_minutes: expected an integer from 1 to 10080."
  }
}

variable "initial_lookback_hours" {
  type        = number
  default     = 24
  nullable    = false
  description = "How many hours back the first run reads, in addition to overlap_minutes and settle_minutes."

  validation {
    condition = (
      floor(var.initial_lookback_hours) == var.initial_lookback_hours &&
      var.initial_lookback_hours >= 0 &&
      var.initial_lookback_hours <= 8760
    )
    error_message = "initial_lookback_hours: expected an integer from 0 to 8760."
  }
}

variable "overlap_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minutes before the cursor that every run reads again, to find events that OCI lists late. Duplicates are dropped."

  validation {
    condition = (
      floor(var.overlap_minutes) == var.overlap_minutes &&
      var.overlap_minutes >= 0 &&
      var.overlap_minutes <= 1440
    )
    error_message = "overlap_minutes: expected an integer from 0 to 1440."
  }
}

variable "settle_minutes" {
  type        = number
  default     = null
  description = "Minutes before now at which a run stops reading. Newer events may not be listed yet or, with PUSH, not be pushed yet. With push_enabled, the default is 20. Default: 2."

  validation {
    condition = var.settle_minutes == null || try(
      floor(var.settle_minutes) == var.settle_minutes &&
      var.settle_minutes >= 0 &&
      var.settle_minutes <= 60,
      false
    )
    error_message = "settle_minutes: expected an integer from 0 to 60."
  }
}

variable "sources" {
  type        = list(string)
  default     = ["audit"]
  nullable    = false
  description = "What is forwarded: audit stands for audit events, cloud_guard for the problems of Cloud Guard."

  validation {
    condition     = length(var.sources) > 0 && alltrue([for each in var.sources : contains(["audit", "cloud_guard"], each)])
    error_message = "sources: expected audit, cloud_guard, or both."
  }
}

variable "cloud_guard_minutes" {
  type        = number
  default     = 15
  nullable    = false
  description = "Minimum number of minutes between two polls of Cloud Guard. A poll lists all problems, and forwards those that have changed."

  validation {
    condition = (
      floor(var.cloud_guard_minutes) == var.cloud_guard_minutes &&
      var.cloud_guard_minutes >= 1 &&
      var.cloud_guard_minutes <= 30
    )
    error_message = "cloud_guard_minutes: expected an integer from 1 to 30."
  }
}

variable "reconcile_after" {
  type        = list(number)
  default     = [60, 1440]
  nullable    = false
  description = "Ages in minutes at which closed windows are listed again, to find events that OCI listed after they were read. Windows are as long as the age, but at least an hour and at most a day: with 5, an event is found after 5 to 65 minutes. Each age is one more pass over all events; empty means none."

  validation {
    condition = (
      length(var.reconcile_after) <= 4 &&
      length(distinct(var.reconcile_after)) == length(var.reconcile_after) &&
      alltrue([for each in var.reconcile_after : floor(each) == each && each >= 5 && each <= 10080])
    )
    error_message = "reconcile_after: expected empty, or up to 4 different integers from 5 to 10080."
  }
}

variable "slice_minutes" {
  type        = number
  default     = 60
  nullable    = false
  description = "Minimum length in minutes of the time window that a run reads, sends and confirms in one step."

  validation {
    condition = (
      floor(var.slice_minutes) == var.slice_minutes &&
      var.slice_minutes >= 1 &&
      var.slice_minutes <= 10080
    )
    error_message = "slice_minutes: expected an integer from 1 to 10080."
  }
}

variable "api_concurrency" {
  type        = number
  default     = 8
  nullable    = false
  description = "Maximum number of concurrent requests to the Audit API."

  validation {
    condition = (
      floor(var.api_concurrency) == var.api_concurrency &&
      var.api_concurrency >= 1 &&
      var.api_concurrency <= 64
    )
    error_message = "api_concurrency: expected an integer from 1 to 64."
  }
}

variable "api_requests_per_second" {
  type        = number
  default     = 20
  nullable    = false
  description = "Maximum rate of requests to the Audit API, per second."

  validation {
    condition = (
      var.api_requests_per_second > 0 &&
      var.api_requests_per_second <= 10000
    )
    error_message = "api_requests_per_second: expected a number greater than 0, up to 10000."
  }
}

variable "rules" {
  type        = string
  default     = null
  description = "Rules that filter events, limit their rate and set their severity; see docs/rules.md. A JSON object is stored as an object in the bucket."

  validation {
    condition     = var.rules == null || can(regex("^(?:(?:file|object):.+)?$", var.rules)) || can(keys(jsondecode(var.rules)))
    error_message = "rules: expected a JSON object, file:PATH or object:NAME."
  }
}

variable "field_map" {
  type        = string
  default     = null
  description = "Custom field names, additional fields and field order for each format; see docs/formats.md. A JSON object is stored as an object in the bucket."

  validation {
    condition     = var.field_map == null || can(regex("^(?:(?:file|object):.+)?$", var.field_map)) || can(keys(jsondecode(var.field_map)))
    error_message = "field_map: expected a JSON object, file:PATH or object:NAME."
  }
}

variable "own_events" {
  type        = string
  default     = "summarize"
  nullable    = false
  description = "How to treat the events that Epimetheus's own polling creates: send one summary for each run, or forward them like other events. Values: summarize or forward."

  validation {
    condition     = can(regex("^(?:summarize|forward)?$", var.own_events))
    error_message = "own_events: expected summarize or forward."
  }
}

variable "tamper_watch" {
  type        = list(string)
  default     = null
  description = "Resources to protect: an event that names one bypasses every rule, is marked, and has a severity of at least 9. Default: the buckets, topic, log group, application and secrets that this module creates; [] protects none."

  validation {
    condition = var.tamper_watch == null || try(
      alltrue([for each in var.tamper_watch : can(regex("^ocid1\\.\\w+\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))]),
      false
    )
    error_message = "tamper_watch: expected OCIDs."
  }
}

variable "redact" {
  type        = list(string)
  default     = null
  description = "Event fields to redact in addition to credentials, which are always redacted; * matches any key or index."

  validation {
    condition     = var.redact == null || try(alltrue([for each in var.redact : can(regex("^[^.,]+(?:\\.[^.,]+)*$", each))]), false)
    error_message = "redact: expected paths like data.identity.ipAddress."
  }
}

variable "metrics_namespace" {
  type        = string
  default     = "epimetheus"
  nullable    = false
  description = "OCI Monitoring namespace of the metrics. If empty, no metrics are posted. Their alarms are then not created either."

  validation {
    condition = (
      can(regex("^(?:[A-Za-z]\\w{0,255})?$", var.metrics_namespace)) && !can(regex("^(?:oci|oracle)_", var.metrics_namespace))
    )
    error_message = "metrics_namespace: expected empty, or a letter followed by letters, digits and _, not starting with oci_ or oracle_."
  }
}

variable "metrics_compartment_ocid" {
  type        = string
  default     = null
  description = "Compartment that the metrics are posted to. Default: compartment_ocid."

  validation {
    condition = var.metrics_compartment_ocid == null || can(regex(
      "^(?:ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      var.metrics_compartment_ocid
    ))
    error_message = "metrics_compartment_ocid: expected a compartment OCID."
  }
}

variable "log_level" {
  type        = string
  default     = "info"
  nullable    = false
  description = "Minimum level of the log lines to write. Values: debug, info, warning or error."

  validation {
    condition     = can(regex("^(?:debug|info|warning|error)?$", var.log_level))
    error_message = "log_level: expected debug, info, warning or error."
  }
}
