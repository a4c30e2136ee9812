using System.Globalization;
using System.Text.Json;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Audience;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Evaluate;
using CdpMonolith.Segmentation.Rules;
using CdpMonolith.Tests.Ingestion;
using CdpMonolith.Tests.Support;

namespace CdpMonolith.Tests.Segmentation;

/// <summary>Segments over people who came in through the door; people are called by their userId.</summary>
public abstract class SegmentTest
{
    private int _messages;

    private protected static readonly Actor Mia = new(5, "mia@example.com");

    private protected Door Door { get; private set; } = null!;

    private protected TestStore Test => Door.Test;

    private protected Segments Segments => Test.Get<Segments>();

    private protected DateTimeOffset Now => Test.Clock.GetUtcNow();

    [SetUp]
    public async Task Open() => Door = await Door.OpenAsync();

    [TearDown]
    public async Task Close() => await Door.DisposeAsync();

    /// <summary>Stops the program and starts it on the data of a folder; null: on none.</summary>
    private protected async Task RestartAsync(TempFolder? folder = null)
    {
        await Door.DisposeAsync();
        Door = await Door.OpenAsync(folder);
    }

    private protected Task IdentifyAsync(string userId, object? traits = null, string? anonymousId = null) =>
        SendAsync(new { type = "identify", userId, anonymousId, traits });

    private protected Task TrackAsync(string userId, string name, object? properties = null, TimeSpan? ago = null) =>
        SendAsync(new { type = "track", userId, @event = name, properties, timestamp = TimeText(ago) });

    private protected Task SayAsync(string userId, string purpose, bool agreed, TimeSpan? ago = null) => SendAsync(new
    {
        type = "track", userId, @event = "Form Sent", timestamp = TimeText(ago),
        context = new { consent = new { categoryPreferences = new Dictionary<string, bool> { [purpose] = agreed } } },
    });

    private protected async Task SendAsync(object call)
    {
        var fields = JsonSerializer.SerializeToNode(call)!.AsObject();
        fields["messageId"] = $"m{_messages++}-{Guid.NewGuid()}";
        foreach (var empty in fields.Where(field => field.Value is null).Select(field => field.Key).ToList())
        {
            fields.Remove(empty);
        }

        await Door.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { batch = new[] { fields } }));
    }

    private protected string TimeText(TimeSpan? ago) => (Now - (ago ?? TimeSpan.Zero)).ToString("O", CultureInfo.InvariantCulture);

    /// <summary>The JSON of a rule from that of its match, with ' for ".</summary>
    private protected static string Rule(string match) => $"{{\"version\":1,\"match\":{match.Replace('\'', '"')}}}";

    private protected async Task<long> SegmentAsync(string name, string match) =>
        (await Segments.CreateAsync(new WantedSegment(name, null, Rule(match)), Mia, default)).Value.Id;

    /// <summary>Who meets a rule now, or at another moment.</summary>
    private protected async Task<string[]> WhoAsync(string match, DateTimeOffset? asOf = null)
    {
        await Test.CatchUpAsync();
        var rule = RuleParser.Parse(Rule(match)).Outcome.Value;
        var people = Test.Get<AudienceColumns>().Ask(columns =>
            new Evaluation(columns, (asOf ?? Now).ToUnixTimeMilliseconds(), Test.Get<Evaluator>().RuleOf).Of(rule));
        return await NamesAsync(people.Ids().Select(id => (long)id));
    }

    private protected async Task<string[]> MembersAsync(long segmentId) =>
        await NamesAsync(await ((ISegments)Segments).MembersAsync(segmentId, 0, 1000, default));

    /// <summary>The log of a segment since its first entries, such as <c>+ann</c> and <c>-ann</c>.</summary>
    private protected async Task<string[]> LogAsync(long segmentId)
    {
        var log = new List<string>();
        foreach (var change in Segments.ReadChanges(0, 1000).Where(change => change.SegmentId == segmentId))
        {
            log.Add((change.Entered ? "+" : "-") + await NameAsync(change.ProfileId));
        }

        return [.. log];
    }

    private protected async Task<long> IdAsync(string userId) =>
        (await Test.Get<IProfiles>().FindAsync(new Identifier(IdentifierTypes.UserId, userId), default))!.ProfileId;

    private async Task<string[]> NamesAsync(IEnumerable<long> ids)
    {
        var names = new List<string>();
        foreach (var id in ids)
        {
            names.Add(await NameAsync(id));
        }

        return [.. names.Order(StringComparer.Ordinal)];
    }

    private async Task<string> NameAsync(long id) =>
        (await Test.Get<IProfiles>().FindAsync(id, default))!.Identifiers
            .Where(identifier => identifier.Type == IdentifierTypes.UserId).Select(identifier => identifier.Value)
            .Order(StringComparer.Ordinal).FirstOrDefault() ?? $"#{id}";
}
