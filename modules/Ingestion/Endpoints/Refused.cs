using CdpMonolith.Platform;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>The status that a refusal of this module is answered with.</summary>
internal static class Refused
{
    public static ProblemHttpResult As(Problem problem) => problem.ToHttp(problem.Code switch
    {
        "source.unknown" or "quarantine.unknown" or "plan.event_unknown" or "catalogue.event_unknown" or "form.unknown" or "consent_text.unknown" => StatusCodes.Status404NotFound,
        "source.name_taken" or "quarantine.head_only" => StatusCodes.Status409Conflict,
        _ => StatusCodes.Status422UnprocessableEntity,
    });
}
