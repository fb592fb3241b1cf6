# Connector Hub: a second function, to which OCI pushes the events (docs/deploy.md).

variable "push_enabled" {
  type        = bool
  default     = false
  nullable    = false
  description = "Create a connector of Connector Hub and a second function, so that events arrive within about a minute. The schedules then poll what was not pushed. Covers the region of the deployment only."
}

variable "push_stream_enabled" {
  type        = bool
  default     = false
  nullable    = false
  description = "Put a stream between the connector and the push function, which keeps undelivered events for a week instead of 24 hours."
}

variable "push_memory_in_mbs" {
  type        = number
  default     = 512
  nullable    = false
  description = "Memory of the push function in MB. Values: 256, 512, 1024, 2048 or 3072."

  validation {
    condition     = contains([256, 512, 1024, 2048, 3072], var.push_memory_in_mbs)
    error_message = "push_memory_in_mbs: expected 256, 512, 1024, 2048 or 3072."
  }
}

variable "push_timeout_in_seconds" {
  type        = number
  default     = 300
  nullable    = false
  description = "Timeout of the push function in seconds. A batch that is not confirmed by then is sent again."

  validation {
    condition     = floor(var.push_timeout_in_seconds) == var.push_timeout_in_seconds && var.push_timeout_in_seconds >= 30 && var.push_timeout_in_seconds <= 300
    error_message = "push_timeout_in_seconds: expected an integer from 30 to 300."
  }
}

variable "push_batch_size_in_kbs" {
  type        = number
  default     = 4096
  nullable    = false
  description = "Size of a batch in KB at which the connector pushes it. A request may have 6 MB."

  validation {
    condition     = floor(var.push_batch_size_in_kbs) == var.push_batch_size_in_kbs && var.push_batch_size_in_kbs >= 10 && var.push_batch_size_in_kbs <= 5000
    error_message = "push_batch_size_in_kbs: expected an integer from 10 to 5000."
  }
}

variable "push_batch_time_in_seconds" {
  type        = number
  default     = 60
  nullable    = false
  description = "Age of a batch in seconds at which the connector pushes it."

  validation {
    condition     = floor(var.push_batch_time_in_seconds) == var.push_batch_time_in_seconds && var.push_batch_time_in_seconds >= 10 && var.push_batch_time_in_seconds <= 60
    error_message = "push_batch_time_in_seconds: expected an integer from 10 to 60."
  }
}
