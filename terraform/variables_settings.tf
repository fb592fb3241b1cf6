# What the function is told: one variable for each key of its configuration, lower-cased (README.md, Settings). null is the key's default,
# and is not sent; so is an empty text or list, as for the function itself. Validations and messages mean what epimetheus/config/settings.py means:
# tests/terraform holds them together.

variable "syslog_host" {
  type        = string
  nullable    = false
  description = "The SIEM's receiver. Its port is syslog_port."

  validation {
    condition = (
      length(var.syslog_host) <= 253 &&
      can(regex("^(?:[\\w-]+(?:\\.[\\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$", var.syslog_host))
    )
    error_message = "syslog_host: allowed is a host name or an IP address, without port."
  }
}

variable "syslog_port" {
  type        = number
  default     = null
  description = "The receiver's port; 6514 by default. The network made here lets this port out."

  validation {
    condition = var.syslog_port == null || try(
      floor(var.syslog_port) == var.syslog_port &&
      var.syslog_port >= 1 &&
      var.syslog_port <= 65535,
      false
    )
    error_message = "syslog_port: allowed is a whole number from 1 to 65535."
  }
}

variable "syslog_transport" {
  type        = string
  default     = null
  description = "How events are sent: tls (the default), relp (over TLS, every message acknowledged), or tcp (can be read on the way)."

  validation {
    condition     = var.syslog_transport == null || can(regex("^(?:tls|relp|tcp)?$", var.syslog_transport))
    error_message = "syslog_transport: allowed is tls or relp or tcp."
  }
}

variable "syslog_settle_seconds" {
  type        = number
  default     = null
  description = "How long the receiver must outlive what it read before that counts as arrived; 0.2 by default."

  validation {
    condition     = var.syslog_settle_seconds == null || try(var.syslog_settle_seconds >= 0.15 && var.syslog_settle_seconds <= 10, false)
    error_message = "syslog_settle_seconds: allowed is a number from 0.15 to 10."
  }
}

variable "syslog_ca" {
  type        = string
  default     = null
  description = "What the receiver's certificate is verified with; the system's store by default. A PEM text is kept in the bucket."

  validation {
    condition = var.syslog_ca == null || can(regex(join("|", [
      "^$",
      "^(?:file|object):.+$",
      "^vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$",
      "-----BEGIN CERTIFICATE-----",
    ]), var.syslog_ca))
    error_message = "syslog_ca: allowed is a PEM text of certificates, file:PATH, vault:OCID or object:NAME."
  }
}

variable "syslog_client_cert" {
  type        = string
  default     = null
  description = "Our certificate; it needs syslog_client_key, or create_vault. A PEM text is kept in the bucket."

  validation {
    condition = var.syslog_client_cert == null || can(regex(join("|", [
      "^$",
      "^(?:file|object):.+$",
      "^vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$",
      "-----BEGIN CERTIFICATE-----",
    ]), var.syslog_client_cert))
    error_message = "syslog_client_cert: allowed is a PEM text of certificates, file:PATH, vault:OCID or object:NAME."
  }
}

variable "syslog_client_key" {
  type        = string
  default     = null
  description = "The key of syslog_client_cert: a secret of your own vault. For a secret made here, see create_vault."

  validation {
    condition = var.syslog_client_key == null || can(regex(
      "^(?:vault:ocid1\\.vaultsecret\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      var.syslog_client_key
    ))
    error_message = "syslog_client_key: allowed is vault:OCID, of a secret."
  }
}

variable "syslog_server_name" {
  type        = string
  default     = null
  description = "The name that the receiver's certificate must have, where it is not syslog_host."

  validation {
    condition = var.syslog_server_name == null || try(
      length(var.syslog_server_name) <= 253 &&
      can(regex("^(?:[\\w-]+(?:\\.[\\w-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)?$", var.syslog_server_name)),
      false
    )
    error_message = "syslog_server_name: allowed is a host name or an IP address."
  }
}

variable "syslog_framing" {
  type        = string
  default     = null
  description = "How messages are told apart: octet-counting (the default), or lf."

  validation {
    condition     = var.syslog_framing == null || can(regex("^(?:octet-counting|lf)?$", var.syslog_framing))
    error_message = "syslog_framing: allowed is octet-counting or lf."
  }
}

variable "syslog_header" {
  type        = string
  default     = null
  description = "The syslog header: rfc5424 (the default) or rfc3164."

  validation {
    condition     = var.syslog_header == null || can(regex("^(?:rfc5424|rfc3164)?$", var.syslog_header))
    error_message = "syslog_header: allowed is rfc5424 or rfc3164."
  }
}

variable "syslog_facility" {
  type        = string
  default     = null
  description = "The syslog facility; local0 by default."

  validation {
    condition = var.syslog_facility == null || can(regex(
      "^(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|ntp|audit|alert|clock|local[0-7])?$",
      var.syslog_facility
    ))
    error_message = "syslog_facility: allowed is one of kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp, audit, alert, clock, local0, local1, local2, local3, local4, local5, local6, local7."
  }
}

variable "syslog_app_name" {
  type        = string
  default     = null
  description = "The application's name in the header; epimetheus by default."

  validation {
    condition     = var.syslog_app_name == null || can(regex("^(?:[!-~]{1,48})?$", var.syslog_app_name))
    error_message = "syslog_app_name: allowed is up to 48 printable ASCII characters without blanks."
  }
}

variable "syslog_hostname" {
  type        = string
  default     = null
  description = "The host's name in the header; the region by default."

  validation {
    condition     = var.syslog_hostname == null || can(regex("^(?:[!-~]{1,255})?$", var.syslog_hostname))
    error_message = "syslog_hostname: allowed is up to 255 printable ASCII characters without blanks."
  }
}

variable "syslog_max_bytes" {
  type        = number
  default     = null
  description = "The most bytes of a message; 8000 by default. A longer one sheds fields and says so."

  validation {
    condition = var.syslog_max_bytes == null || try(
      floor(var.syslog_max_bytes) == var.syslog_max_bytes && (var.syslog_max_bytes == 0 || var.syslog_max_bytes >= 480),
      false
    )
    error_message = "syslog_max_bytes: allowed is 0 (no limit), or a whole number of 480 or more."
  }
}

variable "syslog_timeout_seconds" {
  type        = number
  default     = null
  description = "For each of connect, handshake, write and confirm; 10 by default."

  validation {
    condition     = var.syslog_timeout_seconds == null || try(var.syslog_timeout_seconds >= 1 && var.syslog_timeout_seconds <= 120, false)
    error_message = "syslog_timeout_seconds: allowed is a number from 1 to 120."
  }
}

variable "format" {
  type        = string
  default     = null
  description = "What a message holds: cef (the default), json, leef or ocsf."

  validation {
    condition     = var.format == null || can(regex("^(?:cef|json|leef|ocsf)?$", var.format))
    error_message = "format: allowed is cef or json or leef or ocsf."
  }
}

variable "state_bucket" {
  type        = string
  default     = null
  description = "The name of the bucket that is made here, for the state and for long texts; the value of name by default."

  validation {
    condition     = var.state_bucket == null || can(regex("^(?:[\\w.-]{1,256})?$", var.state_bucket))
    error_message = "state_bucket: allowed is a bucket's name, without its namespace."
  }
}

variable "state_namespace" {
  type        = string
  default     = null
  description = "The Object Storage namespace; the tenancy's by default."

  validation {
    condition     = var.state_namespace == null || can(regex("^(?:[\\w-]{1,128})?$", var.state_namespace))
    error_message = "state_namespace: allowed is an Object Storage namespace."
  }
}

variable "state_prefix" {
  type        = string
  default     = null
  description = "How the names of state objects begin; epimetheus/ by default."

  validation {
    condition     = var.state_prefix == null || can(regex("^(?:[^/\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]{0,899})?$", var.state_prefix))
    error_message = "state_prefix: allowed is the beginning of an object's name, not a slash."
  }
}

variable "tenancy_ocid" {
  type        = string
  nullable    = false
  description = "The tenancy whose events are forwarded, and where the policies are made."

  validation {
    condition     = can(regex("^ocid1\\.tenancy\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", var.tenancy_ocid))
    error_message = "tenancy_ocid: allowed is the OCID of a tenancy."
  }
}

variable "regions" {
  type        = list(string)
  default     = null
  description = "The regions whose events are forwarded: identifiers, or all alone; the function's own by default."

  validation {
    condition = var.regions == null || try(
      alltrue([for each in var.regions : can(regex("^(?:all|[a-z]+(?:-[a-z]+)+-\\d+)$", each))]) &&
      (!contains(var.regions, "all") || length(var.regions) == 1),
      false
    )
    error_message = "regions: allowed is all, or region identifiers like eu-frankfurt-1."
  }
}

variable "compartment_mode" {
  type        = string
  default     = null
  description = "Whose events are forwarded: all (the default), tenancy_only, or all but (exclude) or only (include) compartment_ids."

  validation {
    condition     = var.compartment_mode == null || can(regex("^(?:all|tenancy_only|include|exclude)?$", var.compartment_mode))
    error_message = "compartment_mode: allowed is all or tenancy_only or include or exclude."
  }
}

variable "compartment_ids" {
  type        = list(string)
  default     = null
  description = "The compartments that compartment_mode includes or excludes."

  validation {
    condition = var.compartment_ids == null || try(
      alltrue([for each in var.compartment_ids : can(regex("^ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))]),
      false
    )
    error_message = "compartment_ids: allowed is OCIDs of compartments."
  }
}

variable "listing_minutes" {
  type        = number
  default     = null
  description = "How long a listing of the compartments serves, so that not every run lists them; 15 by default, 0: every run lists."

  validation {
    condition = var.listing_minutes == null || try(
      floor(var.listing_minutes) == var.listing_minutes &&
      var.listing_minutes >= 0 &&
      var.listing_minutes <= 1440,
      false
    )
    error_message = "listing_minutes: allowed is a whole number from 0 to 1440."
  }
}

variable "listing_max_age_minutes" {
  type        = number
  default     = null
  description = "A run whose list of compartments or regions is older is partial, because new ones may be missing; 60 by default."

  validation {
    condition = var.listing_max_age_minutes == null || try(
      floor(var.listing_max_age_minutes) == var.listing_max_age_minutes &&
      var.listing_max_age_minutes >= 1 &&
      var.listing_max_age_minutes <= 10080,
      false
    )
    error_message = "listing_max_age_minutes: allowed is a whole number from 1 to 10080."
  }
}

variable "initial_lookback_hours" {
  type        = number
  default     = null
  description = "How far back the very first run begins; 24 by default."

  validation {
    condition = var.initial_lookback_hours == null || try(
      floor(var.initial_lookback_hours) == var.initial_lookback_hours &&
      var.initial_lookback_hours >= 0 &&
      var.initial_lookback_hours <= 8760,
      false
    )
    error_message = "initial_lookback_hours: allowed is a whole number from 0 to 8760."
  }
}

variable "overlap_minutes" {
  type        = number
  default     = null
  description = "How much is read once more by every run, for events that come late; 15 by default."

  validation {
    condition = var.overlap_minutes == null || try(
      floor(var.overlap_minutes) == var.overlap_minutes &&
      var.overlap_minutes >= 0 &&
      var.overlap_minutes <= 1440,
      false
    )
    error_message = "overlap_minutes: allowed is a whole number from 0 to 1440."
  }
}

variable "settle_minutes" {
  type        = number
  default     = null
  description = "How far from now a run stops; 2 by default."

  validation {
    condition = var.settle_minutes == null || try(
      floor(var.settle_minutes) == var.settle_minutes &&
      var.settle_minutes >= 0 &&
      var.settle_minutes <= 60,
      false
    )
    error_message = "settle_minutes: allowed is a whole number from 0 to 60."
  }
}

variable "slice_minutes" {
  type        = number
  default     = null
  description = "The least that a run works off and confirms in one go; 60 by default."

  validation {
    condition = var.slice_minutes == null || try(
      floor(var.slice_minutes) == var.slice_minutes &&
      var.slice_minutes >= 1 &&
      var.slice_minutes <= 10080,
      false
    )
    error_message = "slice_minutes: allowed is a whole number from 1 to 10080."
  }
}

variable "api_concurrency" {
  type        = number
  default     = null
  description = "How many pages are asked for at once; 8 by default."

  validation {
    condition = var.api_concurrency == null || try(
      floor(var.api_concurrency) == var.api_concurrency &&
      var.api_concurrency >= 1 &&
      var.api_concurrency <= 64,
      false
    )
    error_message = "api_concurrency: allowed is a whole number from 1 to 64."
  }
}

variable "api_requests_per_second" {
  type        = number
  default     = null
  description = "The most requests to the Audit API; 20 by default."

  validation {
    condition = var.api_requests_per_second == null || try(
      var.api_requests_per_second > 0 &&
      var.api_requests_per_second <= 10000,
      false
    )
    error_message = "api_requests_per_second: allowed is a number above 0, up to 10000."
  }
}

variable "rules" {
  type        = string
  default     = null
  description = "Which events are left out, and how often. A JSON text is kept in the bucket."

  validation {
    condition     = var.rules == null || can(regex("^(?:(?:file|object):.+)?$", var.rules)) || can(keys(jsondecode(var.rules)))
    error_message = "rules: allowed is a JSON object, file:PATH or object:NAME."
  }
}

variable "field_map" {
  type        = string
  default     = null
  description = "Your own names of fields, for each format. A JSON text is kept in the bucket."

  validation {
    condition     = var.field_map == null || can(regex("^(?:(?:file|object):.+)?$", var.field_map)) || can(keys(jsondecode(var.field_map)))
    error_message = "field_map: allowed is a JSON object, file:PATH or object:NAME."
  }
}

variable "own_events" {
  type        = string
  default     = null
  description = "What becomes of the events that the function's own polling makes: summarise (the default) or forward."

  validation {
    condition     = var.own_events == null || can(regex("^(?:summarise|forward)?$", var.own_events))
    error_message = "own_events: allowed is summarise or forward."
  }
}

variable "tamper_watch" {
  type        = list(string)
  default     = null
  description = "Resources whose events pass every rule, marked; by default those made here, as far as they can be named. [] is none."

  validation {
    condition = var.tamper_watch == null || try(
      alltrue([for each in var.tamper_watch : can(regex("^ocid1\\.\\w+\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+$", each))]),
      false
    )
    error_message = "tamper_watch: allowed is OCIDs."
  }
}

variable "redact" {
  type        = list(string)
  default     = null
  description = "Paths in the events to redact, besides those that always are."

  validation {
    condition     = var.redact == null || try(alltrue([for each in var.redact : can(regex("^[^.,]+(?:\\.[^.,]+)*$", each))]), false)
    error_message = "redact: allowed is paths like data.identity.ipAddress."
  }
}

variable "run_message" {
  type        = bool
  default     = null
  description = "Whether each run ends with a message to the SIEM: window and counts; false by default."
}

variable "metrics_namespace" {
  type        = string
  default     = null
  description = "The namespace of the metrics; epimetheus by default. Empty: no metrics, and no alarms on them."

  validation {
    condition = var.metrics_namespace == null || try(
      can(regex("^(?:[A-Za-z]\\w{0,255})?$", var.metrics_namespace)) && !can(regex("^(?:oci|oracle)_", var.metrics_namespace)),
      false
    )
    error_message = "metrics_namespace: allowed is empty, or letters, digits and _, a letter first, not oci_ or oracle_."
  }
}

variable "metrics_compartment_ocid" {
  type        = string
  default     = null
  description = "The compartment that metrics are posted to; compartment_ocid by default."

  validation {
    condition = var.metrics_compartment_ocid == null || can(regex(
      "^(?:ocid1\\.(?:compartment|tenancy)\\.[\\w-]+\\.[\\w-]*\\.[\\w.-]+)?$",
      var.metrics_compartment_ocid
    ))
    error_message = "metrics_compartment_ocid: allowed is the OCID of a compartment."
  }
}

variable "log_level" {
  type        = string
  default     = null
  description = "The least that is logged: debug, info (the default), warning or error."

  validation {
    condition     = var.log_level == null || can(regex("^(?:debug|info|warning|error)?$", var.log_level))
    error_message = "log_level: allowed is debug or info or warning or error."
  }
}
