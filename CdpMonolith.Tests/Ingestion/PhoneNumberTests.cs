using CdpMonolith.Ingestion.Contracts;

namespace CdpMonolith.Tests.Ingestion;

public sealed class PhoneNumberTests
{
    /// <summary>As people write numbers at home: country, as written, E.164.</summary>
    private static readonly string[] AtHome =
    [
        "US|(212) 555-0100|+12125550100", "CA|1-613-555-0199|+16135550199", "JM|876-555-0123|+18765550123",
        "RU|8 (495) 123-45-67|+74951234567", "KZ|8 727 258 12 34|+77272581234", "EG|010 0123 4567|+201001234567",
        "ZA|082 123 4567|+27821234567", "GR|210 123 4567|+302101234567", "NL|06 12345678|+31612345678",
        "BE|0470 12 34 56|+32470123456", "FR|01 23 45 67 89|+33123456789", "ES|912 345 678|+34912345678",
        "HU|06 20 123 4567|+36201234567", "IT|06 698 12345|+390669812345", "IT|333 123 4567|+393331234567",
        "RO|0721 234 567|+40721234567", "CH|044 668 18 00|+41446681800", "AT|0664 1234567|+436641234567",
        "GB|020 7946 0958|+442079460958", "GB|07700 900123|+447700900123", "DK|32 12 34 56|+4532123456",
        "SE|08-123 456 78|+46812345678", "NO|22 22 22 22|+4722222222", "PL|512 345 678|+48512345678",
        "DE|030 123456|+4930123456", "DE|0171 1234567|+491711234567", "PE|912 345 678|+51912345678",
        "MX|55 1234 5678|+525512345678", "MX|01 55 1234 5678|+525512345678", "AR|011 4123-4567|+541141234567",
        "BR|(11) 91234-5678|+5511912345678", "CL|9 6123 4567|+56961234567", "CO|321 123 4567|+573211234567",
        "VE|0412-1234567|+584121234567", "MY|012-345 6789|+60123456789", "AU|0412 345 678|+61412345678",
        "ID|0812-3456-7890|+6281234567890", "ID|021 5551234|+62215551234", "PH|0905 123 4567|+639051234567",
        "NZ|021 123 4567|+64211234567", "SG|8123 4567|+6581234567", "TH|081 234 5678|+66812345678",
        "TH|02 123 4567|+6621234567", "JP|090-1234-5678|+819012345678", "KR|010-1234-5678|+821012345678",
        "VN|091 234 56 78|+84912345678", "CN|138 0013 8000|+8613800138000", "TR|0501 234 56 78|+905012345678",
        "IN|098765 43210|+919876543210", "PK|0301 2345678|+923012345678", "LK|071 234 5678|+94712345678",
        "IR|0912 345 6789|+989123456789", "MA|0650-123456|+212650123456", "TN|20 123 456|+21620123456",
        "SN|70 123 45 67|+221701234567", "CI|01 23 45 67 89|+2250123456789", "GH|023 123 4567|+233231234567",
        "NG|0802 123 4567|+2348021234567", "KE|0712 123456|+254712123456", "TZ|0621 234 567|+255621234567",
        "UG|0712 345678|+256712345678", "ET|091 123 4567|+251911234567", "PT|912 345 678|+351912345678",
        "IE|085 012 3456|+353850123456", "IS|611 1234|+3546111234", "FI|041 2345678|+358412345678",
        "BG|048 123 456|+35948123456", "LT|8 612 34567|+37061234567", "LT|0 612 34567|+37061234567",
        "EE|5123 4567|+37251234567", "UA|050 123 4567|+380501234567", "RS|060 1234567|+381601234567",
        "HR|092 123 4567|+385921234567", "CZ|601 123 456|+420601123456", "SK|0912 123 456|+421912123456",
        "HK|5123 4567|+85251234567", "KH|091 234 567|+85591234567", "BD|01812-345678|+8801812345678",
        "TW|0912 345 678|+886912345678", "SA|051 234 5678|+966512345678", "AE|050 123 4567|+971501234567",
        "IL|050-234-5678|+972502345678", "QA|3312 3456|+97433123456", "NP|984-1234567|+9779841234567",
        "GT|5123 4567|+50251234567", "CR|8312 3456|+50683123456", "EC|099 123 4567|+593991234567", "UY|094 231 234|+59894231234",
    ];

    private static IEnumerable<TestCaseData> Numbers =>
        AtHome.Select(line => line.Split('|')).Select(part => new TestCaseData(part[0], part[1], part[2]));

    [TestCaseSource(nameof(Numbers))]
    public void A_number_as_it_is_written_at_home_becomes_E164_and_stays_so_wherever_it_is_read(string country, string written, string e164)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(PhoneNumbers.ToE164(written, country), Is.EqualTo(e164));
            foreach (var reader in new[] { null, country, "NO", "TH", "US", "IT" })
            {
                Assert.That(PhoneNumbers.ToE164(e164, reader), Is.EqualTo(e164), reader);
                Assert.That(PhoneNumbers.ToE164("00" + e164[1..], reader), Is.EqualTo(e164), $"00 in {reader}");
            }
        }
    }

    [Test]
    public void The_examples_are_of_sixty_countries_and_more() =>
        Assert.That(AtHome.Select(line => line[..2]).Distinct().Count(), Is.GreaterThanOrEqualTo(60));

    [TestCase("+44 (0)20 7946 0958", null, "+442079460958")]
    [TestCase("+49 (0) 171 1234567", null, "+491711234567")]
    [TestCase("+7 8 495 123 45 67", null, "+74951234567")]
    [TestCase("+1 1 212 555 0100", null, "+12125550100")]
    [TestCase("011 44 20 7946 0958", "US", "+442079460958")]
    [TestCase("010 1 212 555 0100", "JP", "+12125550100")]
    [TestCase("6281234567890", "ID", "+6281234567890")]
    [TestCase("66812345678", "TH", "+66812345678")]
    [TestCase("812345678", "TH", "+66812345678")]
    [TestCase("4790010001", "NO", "+4790010001")]
    [TestCase("๐๘๑ ๒๓๔ ๕๖๗๘", "TH", "+66812345678")]
    [TestCase("٠٥٠ ١٢٣ ٤٥٦٧", "AE", "+971501234567")]
    [TestCase("＋４７ ２２ ２２ ２２ ２２", null, "+4722222222")]
    [TestCase("1-800-FLOWERS", "US", "+18003569377")]
    [TestCase("Tel.: 22 22 22 22", "NO", "+4722222222")]
    [TestCase("+47 22 22 22 22 ext. 12", null, "+4722222222;ext=12")]
    [TestCase("(212) 555-0100 x345", "US", "+12125550100;ext=345")]
    [TestCase("02 123 4567 ต่อ ๑๐๑", "TH", "+6621234567;ext=101")]
    [TestCase("+4722222222;ext=12", "TH", "+4722222222;ext=12")]
    public void What_people_write_around_a_number_is_understood(string written, string? country, string e164) =>
        Assert.That(PhoneNumbers.ToE164(written, country), Is.EqualTo(e164));

    [TestCase("+4722222222 / 33333333", null, "+4722222222")]
    [TestCase("+47 912 34 567 / 22 22 22 22", "TH", "+4791234567")]
    [TestCase("22 22 22 22 eller 33 33 33 33", "NO", "+4722222222")]
    [TestCase("22222222/33333333", "NO", "+4722222222")]
    [TestCase("030/1234567", "DE", "+49301234567")]
    public void Of_two_numbers_in_one_place_the_first_is_taken(string written, string? country, string e164) =>
        Assert.That(PhoneNumbers.ToE164(written, country), Is.EqualTo(e164));

    [TestCase("0812345678", null)]
    [TestCase("+47 123", null)]
    [TestCase("+999 1234567", null)]
    [TestCase("22 22 22 22 eller 33 33 33 33", null)]
    [TestCase("12345", "TH")]
    [TestCase("call me", "US")]
    [TestCase("", "US")]
    [TestCase("+", "US")]
    [TestCase("123456789012345678901234567890", "DE")]
    public void What_fits_no_plan_is_not_guessed_at(string written, string? country) =>
        Assert.That(PhoneNumbers.ToE164(written, country), Is.Null);

    [Test]
    public void Reading_twice_changes_nothing_whatever_the_text_and_the_country()
    {
        var random = new Random(7);
        const string Signs = "0123456789012345678901234567890 -().+xXaABC/#๐๙٣;=";
        string?[] countries = [null, .. PhoneNumbers.Countries];
        for (var round = 0; round < 200_000; round++)
        {
            var text = string.Create(random.Next(24), random, static (into, r) => { foreach (ref var sign in into) { sign = Signs[r.Next(Signs.Length)]; } });
            var country = countries[random.Next(countries.Length)];
            if (PhoneNumbers.ToE164(text, country) is { } once)
            {
                Assert.That(PhoneNumbers.ToE164(once, countries[random.Next(countries.Length)]), Is.EqualTo(once), $"{text} in {country}");
                Assert.That(once, Does.Match(@"^\+[1-9]\d{4,15}(;ext=\d{1,8})?$"), $"{text} in {country}");
            }
        }
    }

    [TestCase(" Ann@Example.COM ", "ann@example.com")]
    [TestCase("mailto:Ann@Example.com", "ann@example.com")]
    [TestCase("<ann@example.com>", "ann@example.com")]
    [TestCase("<mailto:Ann@Example.com>", "ann@example.com")]
    [TestCase("\"ann@example.com\"", "ann@example.com")]
    [TestCase("'ann@example.com'", "ann@example.com")]
    [TestCase("Ann Lee <ann@example.com>", "ann@example.com")]
    [TestCase("\"Lee, Ann\" <ann@example.com>", "ann@example.com")]
    [TestCase("<ann@example.com> <bob@example.com>", "<ann@example.com> <bob@example.com>")]
    [TestCase("o'neil@example.com", "o'neil@example.com")]
    [TestCase("ann@example.com.", "ann@example.com")]
    [TestCase("ann\u200b@example.com", "ann@example.com")]
    [TestCase("ann＠example。com", "ann@example.com")]
    [TestCase("ka\u030Are@example.no", "kåre@example.no")]
    [TestCase("ann@xn--bcher-kva.example", "ann@bücher.example")]
    [TestCase("a.nn+shop@example.com", "a.nn+shop@example.com")]
    public void Addresses_have_one_spelling(string written, string clean) =>
        Assert.That((EmailAddresses.Clean(written), EmailAddresses.Clean(clean)), Is.EqualTo((clean, clean)));
}
