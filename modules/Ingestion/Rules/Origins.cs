using System.Text.RegularExpressions;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>Websites that browsers may send from.</summary>
internal static partial class Origins
{
    public static bool IsOrigin(string text) => Shape().IsMatch(text);

    /// <param name="allowed">Empty: any.</param>
    /// <param name="origin">As the browser sends it in lower case, <c>https://shop.example</c>; <c>null</c> for a page of no website.</param>
    public static bool Allow(IReadOnlyList<string> allowed, string origin)
    {
        if (allowed.Count == 0)
        {
            return true;
        }

        foreach (var one in allowed)
        {
            var star = one.IndexOf("*.", StringComparison.Ordinal);
            if (star < 0 ? one == origin : origin.StartsWith(one[..star], StringComparison.Ordinal)
                && origin.EndsWith(one[(star + 1)..], StringComparison.Ordinal) && origin.Length > one.Length - 1)
            {
                return true;
            }
        }

        return false;
    }

    [GeneratedRegex(@"^https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?\z")]
    private static partial Regex Shape();
}
