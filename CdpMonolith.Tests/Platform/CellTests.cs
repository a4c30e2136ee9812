using CdpMonolith.Platform;

namespace CdpMonolith.Tests.Platform;

/// <summary>Cells that leave us are never formulas, and stay what they were where they can.</summary>
public sealed class CellTests
{
    [TestCase("Ann", "Ann")]
    [TestCase("", "")]
    [TestCase("=1+1", "'=1+1")]
    [TestCase("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")")]
    [TestCase("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0")]
    [TestCase("-2+3+cmd", "'-2+3+cmd")]
    [TestCase("@SUM(A1)", "'@SUM(A1)")]
    [TestCase("\t=1", "'\t=1")]
    [TestCase("\r=1", "'\r=1")]
    [TestCase("\n=1", "'\n=1")]
    [TestCase("＝1+1", "'＝1+1")]
    [TestCase("+6281234567890", "+6281234567890")]
    [TestCase("+62 812 3456 7890", "+62 812 3456 7890")]
    [TestCase("+62 (812) 345", "+62 (812) 345")]
    [TestCase("+62-812-3456", "'+62-812-3456")]
    [TestCase("-12.5", "-12.5")]
    [TestCase("-12,5", "-12,5")]
    [TestCase("+1+1", "'+1+1")]
    [TestCase("-", "'-")]
    [TestCase("+1\n=2", "'+1\n=2")]
    public void A_cell_is_never_a_formula_and_a_phone_number_stays_readable(string value, string cell) =>
        Assert.That(Cell.Defused(value), Is.EqualTo(cell));

    [TestCase(null, "")]
    [TestCase("Ann", "Ann")]
    [TestCase("a \"b\", c", "\"a \"\"b\"\", c\"")]
    [TestCase("=1+1", "'=1+1")]
    [TestCase("+4790000000", "+4790000000")]
    [TestCase("+1+1", "'+1+1")]
    [TestCase("@sum", "'@sum")]
    public void A_cell_is_quoted_and_never_a_formula(string? value, string cell) => Assert.That(Cell.Csv(value), Is.EqualTo(cell));
}
