using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using CdpMonolith.Tests.Support;
using Microsoft.AspNetCore.Components;

namespace CdpMonolith.Tests.Architecture;

/// <summary>The map of docs/architecture.md, held by the code itself.</summary>
public sealed class MapTests
{
    private static string[] Floors => Repo.Floors;

    private static IEnumerable<string> Modules =>
        Directory.GetDirectories(Repo.Path("modules")).Select(folder => Path.GetFileName(folder));

    [Test]
    public void Every_folder_of_modules_stands_on_a_floor() => Assert.That(Modules, Is.EquivalentTo(Floors));

    [TestCaseSource(nameof(Floors))]
    public void A_module_references_only_floors_below_it(string module) =>
        Assert.That(
            XDocument.Load(Repo.Path("modules", module, $"{module}.csproj")).Descendants("ProjectReference")
                .Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!)),
            Is.SubsetOf(Floors.TakeWhile(floor => floor != module)));

    [TestCaseSource(nameof(Modules))]
    public void The_folders_of_a_module_form_no_circle(string module)
    {
        var import = new Regex($@"^@?using CdpMonolith\.{module}\.(\w+)");
        var arrows = Repo.Lines("modules", module)
            .Select(line => (From: line.Folder, To: import.Match(line.Text).Groups[1].Value))
            .Where(arrow => arrow.To != "" && arrow.From != "" && arrow.To != arrow.From).Distinct().ToList();
        while (arrows.RemoveAll(arrow => arrows.All(next => next.From != arrow.To)) > 0)
        {
        }

        Assert.That(arrows, Is.Empty, "each arrow left leads into a circle");
    }

    [TestCaseSource(nameof(Floors))]
    public void A_module_shows_only_its_door_its_contracts_and_its_pages(string module)
    {
        if (module == "Platform")
        {
            Assert.Pass("Platform is a shelf: one folder per service, each with its public face.");
        }

        var shown = Assembly.Load($"CdpMonolith.{module}").GetExportedTypes()
            .Where(type => !type.IsNested)
            .Where(type => type.Namespace != $"CdpMonolith.{module}.Contracts")
            .Where(type => type.Name != $"{module}Module" && type.Name != "Texts" && type.Name != "_Imports")
            .Where(type => !typeof(IComponent).IsAssignableFrom(type));
        Assert.That(shown, Is.Empty);
    }

    [TestCaseSource(nameof(Floors))]
    public void A_module_names_no_other_modules_tables(string module)
    {
        var others = Floors.Where(floor => floor != module).Select(floor => floor.ToLowerInvariant());
        var table = new Regex($@"\b(FROM|JOIN|INTO|UPDATE|TABLE|INDEX|ON)\s+({string.Join('|', others)})_\w+", RegexOptions.IgnoreCase);
        var offences = Repo.Files("modules", module)
            .SelectMany(file => File.ReadLines(file).Select(line => (file, line)))
            .Where(entry => table.IsMatch(entry.line))
            .Select(entry => $"{Path.GetFileName(entry.file)}: {entry.line.Trim()}");
        Assert.That(offences, Is.Empty);
    }

    [Test]
    public void Only_the_store_knows_the_database_provider()
    {
        var offences = Repo.Floors.SelectMany(floor => Repo.Files("modules", floor))
            .Where(file => !file.Contains($"Platform{Path.DirectorySeparatorChar}Store{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Where(file => Regex.IsMatch(File.ReadAllText(file), @"Microsoft\.Data\.Sqlite|SQLitePCL|Npgsql"));
        Assert.That(offences, Is.Empty);
    }
}
