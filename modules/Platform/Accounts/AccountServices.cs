using CdpMonolith.Platform.Users;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Platform.Accounts;

/// <summary>Registers who may sign in, how, and what they may then do.</summary>
internal static class AccountServices
{
    public static IServiceCollection AddAccounts(this IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddCookie(IdentityConstants.ApplicationScheme, SetCookie);
        services.AddSingleton<IPasswordHasher<User>, PasswordHasher<User>>();
        services.AddScoped<IUserStore<User>, UserStore>();
        services.AddIdentityCore<User>(identity =>
            {
                identity.User.RequireUniqueEmail = true;
                identity.ClaimsIdentity.EmailClaimType = System.Security.Claims.ClaimTypes.Email;
            })
            .AddSignInManager()
            .AddClaimsPrincipalFactory<UserClaims>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = PasswordRules.Rounds);
        services.AddAuthorization(authorization =>
        {
            foreach (var policy in Policies.All)
            {
                authorization.AddPolicy(policy, builder => builder.RequireRole(Policies.RolesOf(policy)));
            }

            // Nothing is open by oversight.
            authorization.FallbackPolicy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build();
        });
        services.AddSingleton<Sessions>();
        services.AddSingleton<Passwords>();
        services.AddSingleton<Links>();
        services.AddSingleton<ISetUp>(all => all.GetRequiredService<Links>());
        services.AddSingleton<UserAdministration>();
        services.AddSingleton<SignInLimits>();
        services.AddScoped<SignIns>();
        return services.AddScoped<AuthenticationStateProvider, CircuitUser>();
    }

    private static void SetCookie(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = "cdp";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.Cookie.Path = "/";
        options.CookieManager = new SchemeCookies();
        options.ExpireTimeSpan = Sessions.Longest;
        options.SlidingExpiration = false;
        options.LoginPath = "/sign-in";
        options.AccessDeniedPath = "/access-denied";
        options.ReturnUrlParameter = "returnUrl";
        options.Events.OnValidatePrincipal = async context =>
        {
            var sessions = context.HttpContext.RequestServices.GetRequiredService<Sessions>();
            if (!await sessions.HoldsAsync(context.Principal!, context.HttpContext.RequestAborted))
            {
                context.RejectPrincipal();
                await context.HttpContext.SignOutAsync(IdentityConstants.ApplicationScheme);
            }
        };
        options.Events.OnRedirectToLogin = context =>
            Answer(context, StatusCodes.Status401Unauthorized, new Problem("sign_in.needed", "Sign in first."));
        options.Events.OnRedirectToAccessDenied = context =>
            Answer(context, StatusCodes.Status403Forbidden, new Problem("sign_in.not_allowed", "Your role does not include this."));
    }

    /// <summary>People are led to a page; programs get a plain answer.</summary>
    private static Task Answer(RedirectContext<CookieAuthenticationOptions> context, int status, Problem problem)
    {
        if (HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.Redirect(context.RedirectUri);
            return Task.CompletedTask;
        }

        return problem.ToHttp(status).ExecuteAsync(context.HttpContext);
    }
}
