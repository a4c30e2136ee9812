using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Posts of plain forms that change the session's cookie, which an open page cannot.</summary>
internal static class AccountEndpoints
{
    public static void MapAccounts(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/sign-out", SignOutAsync).RequireAuthorization(Policies.View);
        endpoints.MapPost("/account/password", ChangePasswordAsync).RequireAuthorization(Policies.View);
        endpoints.MapPost("/account/sessions", EndOtherSessionsAsync).RequireAuthorization(Policies.View);
        endpoints.MapPost("/api/users/reset-link", ResetLinkAsync).RequireAuthorization(Policies.Own);
    }

    private static async Task<IResult> SignOutAsync([FromForm] string? returnUrl, HttpContext http, SignIns signIns, CancellationToken ct)
    {
        await signIns.SignOutAsync(Actor.Of(http.User), ct);
        http.Response.Headers["Clear-Site-Data"] = "\"storage\"";
        return TypedResults.LocalRedirect(LocalAddress.Of(returnUrl, "/sign-in"));
    }

    private static async Task<IResult> ChangePasswordAsync(
        [FromForm] string? current, [FromForm] string? password, HttpContext http, UserAdministration users, SignIns signIns, CancellationToken ct)
    {
        var outcome = await users.ChangePasswordAsync(Actor.Of(http.User).UserId ?? 0, current ?? "", password ?? "", ct);
        return await AnswerAsync(outcome, "password", signIns);
    }

    private static async Task<IResult> EndOtherSessionsAsync(
        [FromForm] string? done, HttpContext http, UserAdministration users, SignIns signIns, CancellationToken ct)
    {
        var outcome = await users.EndSessionsAsync(Actor.Of(http.User).UserId ?? 0, ct);
        return await AnswerAsync(outcome, done ?? "sessions", signIns);
    }

    /// <summary>POST /api/users/reset-link { email } answers { link }; for <c>cdp user reset</c> beside a running server.</summary>
    private static async Task<Results<Ok<ResetLink>, ProblemHttpResult>> ResetLinkAsync(
        ResetWanted wanted, HttpContext http, UserAdministration users, CancellationToken ct)
    {
        var outcome = await users.LinkAsync(Actor.Of(http.User), wanted.Email, $"{http.Request.Scheme}://{http.Request.Host}", ct);
        return outcome.Match<Results<Ok<ResetLink>, ProblemHttpResult>>(
            link => TypedResults.Ok(new ResetLink(link)),
            problem => problem.ToHttp(problem.Code == "user.unknown" ? StatusCodes.Status404NotFound : StatusCodes.Status403Forbidden));
    }

    private static async Task<IResult> AnswerAsync(Outcome<User> outcome, string done, SignIns signIns)
    {
        if (!outcome.Met(out var user))
        {
            return TypedResults.LocalRedirect($"/account?problem={outcome.Problem!.Code}");
        }

        await signIns.BeginSessionAsync(user);
        return TypedResults.LocalRedirect(done == "password" ? "/account?done=password" : "/account?done=sessions");
    }

    private sealed record ResetWanted(string Email);

    private sealed record ResetLink(string Link);
}
