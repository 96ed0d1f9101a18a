"""Customer Integrations API Schemas: the public names of all contracts of integrations."""

from andon.schemas.cus.credentials import REFERENCE_SCHEMES
from andon.schemas.cus.errors import safe_errors
from andon.schemas.cus.health import CusHealthCheckResponse
from andon.schemas.cus.integrations import (
    CusIntegrationCreate,
    CusIntegrationResponse,
    CusIntegrationSummary,
    CusIntegrationUpdate,
)
from andon.schemas.cus.limits import CusLimitsStatus
from andon.schemas.cus.summaries import CusIntegrationUsage, CusUsageSummary
from andon.schemas.cus.usage import (
    CusLLMRequestFacts,
    CusLLMUsageBatchIngest,
    CusLLMUsageIngest,
    CusLLMUsageResponse,
    UsageSource,
)

__all__ = [
    "REFERENCE_SCHEMES",
    "CusHealthCheckResponse",
    "CusIntegrationCreate",
    "CusIntegrationResponse",
    "CusIntegrationSummary",
    "CusIntegrationUpdate",
    "CusIntegrationUsage",
    "CusLLMRequestFacts",
    "CusLLMUsageBatchIngest",
    "CusLLMUsageIngest",
    "CusLLMUsageResponse",
    "CusLimitsStatus",
    "CusUsageSummary",
    "UsageSource",
    "safe_errors",
]
