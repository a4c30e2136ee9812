using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Tests.Ingestion;

public sealed class CountryNameTests
{
    [TestCase("NO", "NO")]
    [TestCase("nor", "NO")]
    [TestCase("Norge", "NO")]
    [TestCase("Norwegia", "NO")]
    [TestCase("นอร์เวย์", "NO")]
    [TestCase(" u.s.a. ", "US")]
    [TestCase("The United States", "US")]
    [TestCase("Amerika Serikat", "US")]
    [TestCase("Cote d’Ivoire", "CI")]
    [TestCase("Österreich", "AT")]
    [TestCase("Østerrike", "AT")]
    [TestCase("TURKIYE", "TR")]
    [TestCase("Trinidad & Tobago", "TT")]
    [TestCase("เกาหลีใต้", "KR")]
    [TestCase("เกาหลีเหนือ", "KP")]
    [TestCase("Niger", "NE")]
    [TestCase("Nigeria", "NG")]
    [TestCase("Island", "IS")]
    [TestCase("Irland", "IE")]
    public void A_country_is_known_by_its_names(string written, string code) =>
        Assert.That(CountryNames.ToIso2(written), Is.EqualTo(code));

    [TestCase("")]
    [TestCase("Narnia")]
    [TestCase("Norway, Oslo")]
    [TestCase("7")]
    [TestCase("-")]
    public void What_is_no_country_has_no_code(string written) => Assert.That(CountryNames.ToIso2(written), Is.Null);

    [Test]
    public void Every_country_with_a_numbering_plan_has_a_name_and_a_code_stays_itself()
    {
        var unknown = PhoneNumbers.Countries.Where(code => code is not ("AC" or "TA") && CountryNames.ToIso2(code) != code);
        Assert.That(unknown, Is.Empty);
    }
}
