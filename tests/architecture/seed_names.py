"""The names that the contracts promise: modules, classes, members, functions, constants."""

from __future__ import annotations

MODULES = {
    "cus_models": "models",
    "audit_schemas": "schemas",
    "cus_schemas": "schemas",
    "datasource_model": "schemas",
    "loop_events": "schemas",
}
"""Each module with the package that it is in."""

_PROMISED: dict[str, dict[str, str]] = {
    "cus_models": {
        "CusHealthState": "",
        "CusIntegrationStatus": "",
        "CusPolicyResult": "",
        "CusProviderType": "",
    },
    "audit_schemas": {"PolicyActivationAudit": "to_dict"},
    "cus_schemas": {
        "CusIntegrationCreate": "validate_not_raw_key",
        "CusIntegrationUpdate": "validate_not_raw_key",
        "CusLLMUsageIngest": "",
        "CusLLMUsageBatchIngest": "",
        "CusIntegrationResponse": "",
        "CusIntegrationSummary": "",
        "CusLimitsStatus": "",
        "CusUsageSummary": "",
        "CusIntegrationUsage": "",
        "CusLLMUsageResponse": "",
        "CusHealthCheckResponse": "",
    },
    "datasource_model": {
        "DataSourceType": "",
        "DataSourceStatus": "",
        "DataSourceConfig": "to_dict get_connection_url",
        "CustomerDataSource": "record_connection record_error activate deactivate deprecate "
        "update_config add_tag remove_tag grant_access revoke_access has_access to_dict",
        "DataSourceError": "__init__ to_dict",
        "DataSourceStats": "to_dict",
        "DataSourceRegistry": "__init__ register get get_by_name list update activate deactivate "
        "delete get_statistics clear_tenant reset",
        "get_datasource_registry": "",
        "_reset_registry": "",
        "create_datasource": "",
        "get_datasource": "",
        "list_datasources": "",
    },
    "loop_events": {
        "LOOP_MECHANICS_VERSION": "",
        "LOOP_MECHANICS_FROZEN_AT": "",
        "ConfidenceCalculator": "calculate_recovery_confidence should_auto_apply "
        "get_confirmation_level",
        "ConfidenceBand": "from_confidence allows_auto_apply requires_human_review",
        "LoopStage": "",
        "LoopFailureState": "",
        "PolicyMode": "",
        "HumanCheckpointType": "",
        "LoopEvent": "create is_success is_blocked to_dict",
        "PatternMatchResult": "from_match no_match should_auto_proceed to_dict",
        "RecoverySuggestion": "create none_available add_confirmation to_dict",
        "PolicyRule": "create record_shadow_evaluation add_confirmation record_regret "
        "shadow_block_rate to_dict",
        "RoutingAdjustment": "create check_kpi_regression rollback effective_magnitude to_dict",
        "HumanCheckpoint": "create resolve is_pending",
        "LoopStatus": "completion_pct to_console_display _generate_narrative to_dict",
        "ensure_json_serializable": "",
    },
}


def names() -> list[str]:
    """List every promised name as module.name or module.Class.member."""
    found = []
    for module, promised in _PROMISED.items():
        for name, members in promised.items():
            found.append(f"{module}.{name}")
            found += [f"{module}.{name}.{member}" for member in members.split()]
    return found
