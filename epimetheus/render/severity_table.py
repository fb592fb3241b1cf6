"""The words and patterns that decide the severity of an event. A test compares them with every operation of the OCI SDK."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

HIGH, SENSITIVE, MEDIUM, OTHER, LOW = 8, 7, 5, 3, 2

VERBS: Mapping[int, Sequence[str]] = MappingProxyType({
    HIGH: (
        "Deactivate", "Deactivation", "Deauthorize", "Decommission", "Delete", "Deletion", "Deprovision", "Deregister", "Destroy",
        "Destruction", "Disable", "Drop", "Erase", "Evict", "Expunge", "Offboard", "Purge", "Removal", "Remove", "Revocation", "Revoke",
        "Shred", "Terminate", "Termination", "Truncate", "Uninstall", "Unregister", "Wipe",
    ),
    MEDIUM: (
        "Abort", "Accept", "Action", "Activate", "Add", "Advertise", "Allow", "Append", "Apply", "Approve", "Archive", "Assign",
        "Associate", "Assume", "Attach", "Authorize", "Backup", "Bind", "Block", "Cancel", "Capture", "Change", "Clean", "Clear", "Clone",
        "Close",
        "Commit", "Complete", "Configure", "Confirm", "Connect", "Convert", "Copy", "Create", "Decline", "Decrypt", "Demote", "Deny",
        "Deploy", "Detach", "Disassociate", "Disconnect", "Dismiss", "Dissociate", "Downgrade", "Edit", "Elevate", "Enable", "Enroll",
        "Escalate", "Execute", "Expand", "Expire", "Export", "Extend", "Failover", "Flush", "Force", "Generate", "Grant", "Handle",
        "Ignore", "Impersonate", "Implement", "Import", "Ingest", "Initialize", "Initiate", "Install", "Invalidate", "Invoke", "Isolate",
        "Kill", "Launch", "Link", "Load", "Lock", "Make", "Manage", "Mark", "Mask", "Merge", "Migrate", "Mirror", "Modify", "Mount",
        "Move", "Mute", "Onboard", "Override", "Overwrite", "Patch", "Pause", "Pay", "Peer", "Perform", "Permit", "Prepare", "Process",
        "Promote", "Provision", "Publish", "Put", "Quarantine", "Reactivate", "Reassign", "Reboot", "Recall", "Reconfigure", "Reconnect",
        "Recover", "Recreate", "Recycle", "Reencrypt", "Refresh", "Register", "Reimage", "Reinstate", "Reject", "Release", "Rename",
        "Renew", "Reopen", "Reorder", "Replace", "Replicate", "Request", "Rerun", "Reschedule", "Resend", "Reset", "Resize", "Resolve",
        "Respond", "Restart", "Restore", "Resume", "Retire", "Retry", "Revert", "Rollback", "Rotate", "Run", "Save", "Scale", "Schedule",
        "Send", "Set", "Shrink", "Shutdown", "Silence", "Skip", "Snapshot", "Snooze", "Softreset", "Softstop", "Stage", "Start", "Stop",
        "Submit", "Subscribe", "Subset", "Suppress", "Suspend", "Swap", "Switch", "Switchover", "Sync", "Synchronize", "Toggle", "Train",
        "Transfer", "Trigger", "Unapply", "Unapprove", "Unarchive", "Unassign", "Unbind", "Unblock", "Undelete", "Undeploy", "Unenroll",
        "Unlink", "Unlock", "Unmask", "Unmount", "Unpause", "Unprotect", "Unpublish", "Unset", "Unsubscribe", "Unsuppress", "Update",
        "Upgrade", "Upload", "Upsert", "Withdraw", "Write",
    ),
    LOW: (
        "Assemble", "Calculate", "Check", "Compare", "Count", "Describe", "Download", "Estimate", "Evaluate", "Fetch", "Filter", "Find",
        "Get", "Head", "List", "Lookup", "Parse", "Preview", "Query", "Read", "Retrieve", "Search", "Summarize", "Test", "Validate",
        "Verify", "View",
    ),
})  # fmt: skip
"""Severity → verbs and verbal nouns. Their past participles count as well."""
SEVERITY_OF: Mapping[str, int] = MappingProxyType({verb.lower(): severity for severity, verbs in VERBS.items() for verb in verbs})
"""Verb in lower case → severity."""
MODIFIERS = ("Asynchronous", "Batch", "Bulk", "Cascade", "Cascading", "Synchronous")
"""Words that may precede the verb."""
UNDO = ("Cancel", "Recover", "Restore", "Revert", "Rollback")
"""Verbs that the last word of the name does not make more severe: CancelKeyDeletion keeps the key."""
JOINERS = ("And", "Or", "Then")
"""Words between two verbs."""
PREFIXES = ("De", "Dis", "Fail", "Re", "Shut", "Soft", "Switch", "Un")
"""Words that may form one verb with the next word: BulkDeActivateAttribute, FailOverAutonomousDatabase."""
LISTING = ("Check", "Count", "Head", "List", "Search", "Summarize", "Validate", "Verify")
"""Reading verbs that never return a secret."""

SENSITIVE_CHANGES: Mapping[int, Mapping[str, Sequence[str]]] = MappingProxyType({
    HIGH: {
        "second factors": (
            "*BypassCode*", "*FactorsRemover", "*FactorReset", "*MfaReset", "ResetMfa*", "Reset*Factor", "Reset*Factors",
        ),
    },
    SENSITIVE: {
        "users and groups": (
            "User", "UserTo*", "UserFrom*", "UserCapabilit*", "UserState", "UserStatus*", "UserAccount", "Account", "AdminUser*",
            "*AdminUser", "Group", "GroupMember*", "*UserGroupMembership", "DynamicGroup", "DynamicResourceGroup", "AppRole*",
        ),
        "policies and privileges": (
            "Policy", "Grant", "*Privilege*", "*Superuser", "AccessRules", "*AccessRequest", "*PrivilegedApiRequest", "OperatorControl*",
            "DelegationControl*", "Lockbox", "AuthenticationPolicy", "PasswordPolicy", "*SignOnPolicy*", "OciConsolePolicy",
            "NetworkSource", "NetworkPerimeter", "Domain", "IdentitySetting", "ZprPolicy",
        ),
        "credentials": (
            "*ApiKey*", "*AuthToken*", "*CustomerSecretKey*", "*Credential", "*Credentials", "*OAuth*", "*Password", "*PasswordChanger",
            "*PasswordResetter", "*SharedSecret", "*Kubeconfig", "*ConsoleConnection", "*PreauthenticatedRequest",
        ),
        "second factors and recovery": (
            "*Mfa*", "*Totp*", "Factor*", "AuthenticationFactorSetting*", "AccountRecovery*", "SecurityQuestion*",
        ),
        "federation": (
            "*IdentityProvider*", "*AuthenticationProvider", "Idp", "IdpGroupMapping", "IdpScimClient", "TrustedPartner*",
            "*Saml*", "*Federation*",
            "IdentityPropagationTrust", "*UserSyncConfiguration",
        ),
        "audit, logging and threat detection": (
            "Audit.UpdateConfiguration", "CloudGuard*.UpdateConfiguration", "*AuditPolic*", "AuditProfile", "Audit*Logging*", "AuditTrail",
            "Log", "LogGroup", "*FlowLog*", "UnifiedAgentConfiguration", "ServiceConnector", "Rule", "DetectorRecipe*", "ResponderRecipe*",
            "TargetDetectorRecipe*", "TargetResponderRecipe*", "*ProblemStatus", "SecurityZone", "SecurityRecipe", "Vtap", "CaptureFilter",
        ),
        "network exposure": (
            "SecurityList*", "NetworkSecurityGroup*", "SecurityRule*", "InternetGateway", "NatGateway", "LocalPeeringGateway*",
            "RemotePeeringConnection*", "Drg", "DrgAttachment", "PublicIp", "NetworkFirewall", "*FirewallPolicy", "WebAppFirewall*",
            "RouteTable", "BucketWritable", "Bastion", "Bastion*.CreateSession",
        ),
        "keys": ("ExportKey*", "Restore*KeyFrom*", "RestoreVaultFrom*"),
    },
})  # fmt: skip
"""Severity → topic → patterns of what a change of MEDIUM severity affects, or of the whole name; a service may precede it."""
SECRET_READS = ("SecretBundle", "SecretBundleByName", "*Wallet", "*InitialCredentials", "*SharedSecret", "*Password", "*UserCredentials")
"""Patterns of what a reading verb returns: a secret. Such a call has MEDIUM severity."""

EVENT_IDS: Mapping[str, int] = MappingProxyType({
    "*notification*": OTHER, "*.initiated": OTHER, "*.request": OTHER,
    "sso.authentication.*": OTHER, "sso.session.*": OTHER, "sso.auth.factor.success": OTHER, "sso.auth.factor.failure": OTHER,
    "*factor*validat*": OTHER,
    "sso.app.access.failure": SENSITIVE, "sso.app.access.*": OTHER,
    "admin.me.password.change.*": MEDIUM, "*grant.create.*": SENSITIVE,
    "*bypasscode.create*": HIGH, "*mfa*reset*": HIGH, "*mfa*remove*": HIGH, "*mfa*delete*": HIGH, "*mfa*disable*": HIGH,
    "*factor*reset*": HIGH, "*factor*remove*": HIGH, "*factor*delete*": HIGH, "*factor*disable*": HIGH,
    "*locked*": SENSITIVE, "*bypasscode*": SENSITIVE, "*mfa*": SENSITIVE, "*factor*": SENSITIVE, "admin.user.password.*": SENSITIVE,
    "admin.user.*create.*": SENSITIVE, "*recovery*": SENSITIVE, "*impersonat*": SENSITIVE,
})  # fmt: skip
"""Patterns of the event ids of identity domains. The first match decides; if none matches, the words of the id do."""
