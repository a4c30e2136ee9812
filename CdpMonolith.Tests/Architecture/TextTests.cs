using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Tests.Architecture;

/// <summary>Every text of the console comes from a resource file.</summary>
public sealed class TextTests
{
    private static readonly string[] Rooms = [.. Repo.Floors.Select(floor => Path.Combine("modules", floor)), "CdpMonolith"];

    [TestCaseSource(nameof(Rooms))]
    public void Every_text_that_a_page_asks_for_is_there(string room)
    {
        var known = XDocument.Load(Repo.Path(room, "Texts.resx")).Descendants("data").Select(data => (string)data.Attribute("name")!).ToHashSet();
        var asked = Repo.Files(room)
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), """\bT\["([\w.]+)"[,\]]""").Select(match => match.Groups[1].Value));
        Assert.That(asked.Except(known), Is.Empty);
    }

    [TestCaseSource(nameof(Rooms))]
    public void Every_text_that_counts_has_its_form_for_one(string room)
    {
        var known = XDocument.Load(Repo.Path(room, "Texts.resx")).Descendants("data").Select(data => (string)data.Attribute("name")!).ToHashSet();
        var asked = Repo.Files(room)
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), """\.Counted\(\s*"([\w.]+)",""").Select(match => match.Groups[1].Value));
        Assert.That(asked.SelectMany(key => new[] { key, $"{key}.One" }).Except(known), Is.Empty);
    }

    [TestCaseSource(nameof(Rooms))]
    public void No_page_has_words_of_its_own(string room)
    {
        var offences = Repo.Files(room).Where(file => file.EndsWith(".razor", StringComparison.Ordinal))
            .SelectMany(file => Regex.Matches(Markup(File.ReadAllText(file)), @">\s*([A-Z][a-z]+(?:\s+[A-Za-z]+)+)[\s.!?]*<")
                .Select(match => $"{Path.GetFileName(file)}: {match.Groups[1].Value}"));
        Assert.That(offences, Is.Empty);
    }

    /// <summary>
    /// Inside a Razor file <c>Texts</c> means Platform's, through its <c>@using</c>, unless _Imports.razor says
    /// <c>@using Texts = CdpMonolith.Module.Texts</c>.
    /// </summary>
    [TestCaseSource(nameof(Rooms))]
    public void Every_page_speaks_the_words_of_its_own_room(string room)
    {
        var assembly = Assembly.Load(room == "CdpMonolith" ? "cdp" : $"CdpMonolith.{Path.GetFileName(room)}");
        var offences = assembly.GetTypes().Where(type => typeof(IComponent).IsAssignableFrom(type) && !type.IsAbstract)
            .SelectMany(type => type.GetProperties(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly))
            .Where(property => property.PropertyType.IsGenericType && property.PropertyType.GetGenericTypeDefinition() == typeof(IStringLocalizer<>)
                && property.PropertyType.GetGenericArguments()[0].Assembly != assembly)
            .Select(property => $"{property.DeclaringType!.Name} speaks {property.PropertyType.GetGenericArguments()[0].FullName}");
        Assert.That(offences, Is.Empty);
    }

    private static string Markup(string razor)
    {
        var code = razor.IndexOf("@code", StringComparison.Ordinal);
        return Regex.Replace(code < 0 ? razor : razor[..code], @"@\*.*?\*@|<pre.*?</pre>|<code.*?</code>", "", RegexOptions.Singleline);
    }
}
