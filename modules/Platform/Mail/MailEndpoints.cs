using System.Security.Claims;
using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Platform.Mail;

/// <summary>Mail over HTTP. See docs/administration.md.</summary>
internal static class MailEndpoints
{
    public static void MapMail(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/mail").RequireAuthorization(Policies.Administer).WithTags("Mail");
        api.MapGet("", (Mailer mailer, CancellationToken ct) => mailer.StateAsync(ct));
        api.MapPost("test", TestAsync);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> TestAsync(Mailer mailer, ClaimsPrincipal user, CancellationToken ct) =>
        await mailer.TestAsync(Actor.Of(user), ct) is { } problem ? problem.ToHttp(StatusCodes.Status422UnprocessableEntity) : TypedResults.NoContent();
}
