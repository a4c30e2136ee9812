using CdpMonolith.Insights.Contracts;
using CdpMonolith.Platform.Console;
using Microsoft.AspNetCore.Components;

namespace CdpMonolith.Insights.Pages;

/// <summary>A chart of the home page. Drawn anew only when its own figures have changed, so that a hint stays while one reads it.</summary>
public abstract class ChartView : ComponentBase
{
    /// <summary>How many colours there are: <c>--chart-1</c> to <c>--chart-6</c>.</summary>
    protected const int Colours = 6;

    private object? _drawn;
    private bool _changed = true;

    [Inject]
    private TimeProvider Clock { get; set; } = null!;

    [Parameter, EditorRequired]
    public OverviewFigures Figures { get; set; } = null!;

    /// <summary>All that the drawing depends on, comparable with <c>Equals</c>.</summary>
    protected abstract object Drawn();

    protected override void OnParametersSet()
    {
        var drawn = Drawn();
        if (!drawn.Equals(_drawn))
        {
            (_drawn, _changed) = (drawn, true);
            Prepare();
        }
    }

    /// <summary>Makes the series out of the figures.</summary>
    protected abstract void Prepare();

    protected override bool ShouldRender()
    {
        var render = _changed;
        _changed = false;
        return render;
    }

    /// <summary>A moment in the console's time zone, as charts take it.</summary>
    protected DateTime Local(long at) =>
        TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeMilliseconds(at), Clock.LocalTimeZone).DateTime;

    /// <summary>Colour of the nth series, from 0.</summary>
    protected static string Colour(int n) => $"var(--chart-{(n % Colours) + 1})";

    protected static string Short(object value) =>
        Numbers.Short(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Hours within two days, days beyond.</summary>
    protected string TimeFormat => FormatOf(TimeSpan.FromHours(Figures.Hours));

    /// <summary>As exact as the points need it, so that no two labels of an axis are the same.</summary>
    protected static string FormatOf(IReadOnlyList<ChartPoint> points) =>
        FormatOf(points.Count > 1 ? points[^1].When - points[0].When : TimeSpan.Zero);

    private static string FormatOf(TimeSpan span) =>
        span < TimeSpan.FromMinutes(12) ? "{0:HH:mm:ss}" : span <= TimeSpan.FromDays(2) ? "{0:HH:mm}" : "{0:d MMM}";

    /// <summary>A point of a chart.</summary>
    /// <param name="When">Local time.</param>
    public sealed record ChartPoint(DateTime When, double Value);
}
