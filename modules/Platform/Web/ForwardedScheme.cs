using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace CdpMonolith.Platform.Web;

/// <summary>
/// Behind a proxy that ends https a request counts as https: <c>X-Forwarded-Proto</c> says so. It comes before everything else, routing
/// included, so that addresses that are given out, cookies and headers are right. It is believed from everyone: who
/// says so without reason gets cookies that do not work, and the sentence about plain http, which is for honest clients, not at all.
/// </summary>
internal sealed class ForwardedScheme : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((context, then) =>
        {
            if (context.Request.Headers["X-Forwarded-Proto"].ToString().StartsWith("https", StringComparison.OrdinalIgnoreCase))
            {
                context.Request.Scheme = "https";
            }

            return then(context);
        });
        next(app);
    };
}
