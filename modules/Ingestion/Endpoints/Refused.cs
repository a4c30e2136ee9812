using CdpMonolith.Platform;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A refusal as <c>application/problem+json</c> with <c>code</c> and <c>field</c>.</summary>
internal static class Refused
{
    public static ProblemHttpResult As(Problem problem)
    {
        var status = problem.Code switch
        {
            "source.unknown" or "quarantine.unknown" => StatusCodes.Status404NotFound,
            "source.name_taken" or "quarantine.head_only" => StatusCodes.Status409Conflict,
            _ => StatusCodes.Status422UnprocessableEntity,
        };
        return TypedResults.Problem(
            title: problem.Message, statusCode: status,
            extensions: new Dictionary<string, object?> { ["code"] = problem.Code, ["field"] = problem.Field });
    }
}
