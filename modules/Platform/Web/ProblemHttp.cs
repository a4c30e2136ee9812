using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CdpMonolith.Platform.Web;

/// <summary>A refusal as an HTTP answer.</summary>
public static class ProblemHttp
{
    /// <summary><c>application/problem+json</c> with the message as <c>title</c>, and <c>code</c> and <c>field</c>.</summary>
    /// <param name="status">A 4xx or 5xx code.</param>
    public static ProblemHttpResult ToHttp(this Problem problem, int status)
    {
        var extensions = new Dictionary<string, object?> { ["code"] = problem.Code };
        if (problem.Field is not null)
        {
            extensions["field"] = problem.Field;
        }

        return TypedResults.Problem(title: problem.Message, statusCode: status, extensions: extensions);
    }
}
