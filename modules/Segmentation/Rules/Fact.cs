using System.Globalization;

namespace CdpMonolith.Segmentation.Rules;

internal enum FactKind
{
    Absent,
    Text,
    Number,
    Truth,
}

/// <summary>One value of a trait or property as rules see it. Null, lists and objects are absent.</summary>
/// <remarks>Sources differ in how they write numbers and truths, so text that reads as one is also taken for one.</remarks>
internal readonly record struct Fact(FactKind Kind, string? Text, double Number, bool Truth)
{
    public static Fact Absent => default;

    public static Fact Of(string text) => new(FactKind.Text, text, 0, false);

    public static Fact Of(double number) => new(FactKind.Number, null, number, false);

    public static Fact Of(bool truth) => new(FactKind.Truth, null, 0, truth);

    /// <summary>The value as text: a number in its shortest form, a truth as <c>true</c> or <c>false</c>.</summary>
    public string? AsText() => Kind switch
    {
        FactKind.Text => Text,
        FactKind.Number => Number.ToString(CultureInfo.InvariantCulture),
        FactKind.Truth => Truth ? "true" : "false",
        _ => null,
    };

    /// <summary>The value as a number; NaN when it is none.</summary>
    public double AsNumber() => Kind switch
    {
        FactKind.Number => Number,
        FactKind.Text => NumberOf(Text),
        _ => double.NaN,
    };

    /// <summary>The value as a time, Unix ms; <see cref="IsoTime.None"/> when it is none.</summary>
    public long AsTime() => Kind == FactKind.Text ? IsoTime.Parse(Text) : IsoTime.None;

    public bool? AsTruth() => Kind switch
    {
        FactKind.Truth => Truth,
        FactKind.Text when string.Equals(Text, "true", StringComparison.OrdinalIgnoreCase) => true,
        FactKind.Text when string.Equals(Text, "false", StringComparison.OrdinalIgnoreCase) => false,
        _ => null,
    };

    /// <summary>A plain decimal such as <c>-12.50</c>; NaN for all else, such as <c>1e3</c>, <c>.5</c> or <c> 7</c>.</summary>
    public static double NumberOf(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > 40)
        {
            return double.NaN;
        }

        var digits = text[0] == '-' ? text[1..] : text;
        var point = digits.IndexOf('.');
        var whole = point < 0 ? digits : digits[..point];
        if (!AreDigits(whole) || (point >= 0 && !AreDigits(digits[(point + 1)..])))
        {
            return double.NaN;
        }

        return double.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
    }

    private static bool AreDigits(ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9');
}
