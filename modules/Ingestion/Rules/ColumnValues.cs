using System.Globalization;
using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Ingestion.Rules;

/// <summary>What stands in the first rows of a column, blank cells aside, and what it looks like.</summary>
/// <param name="order">In which dates without the name of a month are read.</param>
internal sealed class ColumnValues(List<string> all, DateOrder order, bool decimalComma)
{
    private const int NumberAtMost = 64;

    public IReadOnlyList<string> All => all;

    public bool HaveLetters => all.Count == 0 || Most(value => value.Any(char.IsLetter));

    public bool AreYesOrNo => all.All(value => CellReading.Boolean(value) is not null);

    public bool AreDates => all.Count > 0 && all.All(value => value.AsSpan().ContainsAny("-/. ") && IsTime(value));

    /// <summary>Dates, or Unix seconds or milliseconds.</summary>
    public bool AreTimes => all.Count > 0 && all.All(IsTime);

    public bool AreYears => all.Count > 0 && all.All(value =>
        value.Length == 4 && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var year) && year is >= 1900 and <= 2100);

    /// <summary>A number sign and digits, as shops write the number of an order.</summary>
    public bool AreNumberSigns => all.Count > 0 && Most(value => value.Length > 1 && value[0] == '#' && value.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0);

    /// <summary>A number with a leading zero is an id; so is one that is too long.</summary>
    private bool AreNumbers => all.All(IsNumber);

    /// <summary>Codes of three letters; a column of names that are also money's is text.</summary>
    private bool AreCurrencies => all.Count > 0 && all.All(value => value.Length == 3 && value.All(char.IsAsciiLetterUpper) && CurrencyCodes.ToIso4217(value, null) is not null);

    /// <param name="isAmount">The heading promises numbers: a cell that is none is a fault of its row, not the kind of the column.</param>
    public CellType TypeOf(bool isAmount) =>
        AreNumbers || (isAmount && all.Count(IsNumber) * 2 > all.Count) ? CellType.Number
        : AreDates ? CellType.Date
        : AreCurrencies ? CellType.Currency
        : AreYesOrNo && all.Any(value => value.Length > 1) ? CellType.Boolean
        : CellType.Text;

    /// <summary>Whether each row has a number of its own, as an order has.</summary>
    public bool AreNumbersOfOrders(int rows) =>
        all.Count > 0 && all.Count == rows && all.Distinct().Count() == rows
        && all.All(value => value.Length <= NumberAtMost && value.Any(char.IsAsciiDigit) && !value.AsSpan().ContainsAny(" @"));

    /// <summary>Whether a header's word is borne out by what stands below it.</summary>
    public bool Suit(ColumnTarget to) => to switch
    {
        ColumnTarget.Email => Half(CellReading.LooksLikeEmail),
        ColumnTarget.Time => Half(IsTime),
        _ => true,
    };

    /// <summary>Eight of ten.</summary>
    public bool Most(Func<string, bool> looks) => all.Count(looks) * 10 >= all.Count * 8;

    private bool Half(Func<string, bool> looks) => all.Count(looks) * 2 >= all.Count;

    private bool IsTime(string value) => CellReading.Time(value, order, TimeZoneInfo.Utc) is not null;

    private bool IsNumber(string value) =>
        value.Length < 16 && !(value.Length > 1 && value[0] == '0' && value[1] is not ('.' or ',')) && CellReading.Number(value, decimalComma) is not null;
}
