using System.Text;
using System.Text.Json;
using CdpMonolith.Activation.Rules;
using CdpMonolith.Activation.Storage;
using CdpMonolith.Consent.Contracts;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;

namespace CdpMonolith.Activation.Sync;

/// <summary>What a sync would do if it were started now.</summary>
/// <param name="Members">People in the segment.</param>
/// <param name="Reachable">Of them those who may be reached for the purpose on the channel.</param>
/// <param name="Add">Of these the ones that the destination has not been told of and that have an identifier, as far as was looked.</param>
/// <param name="Remove">People that the destination was told of and who must not be there any more.</param>
/// <param name="Withheld">By reason, most first.</param>
/// <param name="WithoutIdentifier">Reachable people of <paramref name="Checked"/> with none of the identifiers.</param>
/// <param name="Checked">How many reachable people were looked at for identifiers.</param>
/// <param name="Example">The message or row of one person, indented JSON; null when nobody would be sent.</param>
internal sealed record SyncPreview(
    long Members, long Reachable, long Add, long Remove, IReadOnlyList<ReasonCount> Withheld, long WithoutIdentifier, long Checked,
    string? Example);

/// <summary>Answers "may this segment be reached?" and shows what would leave, without sending anything.</summary>
internal sealed class Preview(ISegments segments, IConsent consent, IProfiles profiles, Outbox outbox, TimeProvider clock)
{
    private const int PeopleAtOnce = 2000;
    private const int PeopleCheckedForIdentifiers = 20_000;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="syncId">A sync that is there already; null: a new one.</param>
    /// <returns>Null when there is no such segment.</returns>
    public async Task<SyncPreview?> RunAsync(NewSync wanted, bool oneByOne, long? syncId, CancellationToken ct)
    {
        if (await segments.FindAsync(wanted.SegmentId, ct) is not { } segment)
        {
            return null;
        }

        var withheld = new Dictionary<string, long>();
        var (members, reachable, add, stay, seen, lacking) = (0L, 0L, 0L, 0L, 0L, 0L);
        string? example = null;
        var mapping = wanted.Mapping;
        for (var after = 0L; ;)
        {
            var page = await segments.MembersAsync(wanted.SegmentId, after, PeopleAtOnce, ct);
            if (page.Count == 0)
            {
                break;
            }

            after = page[^1];
            members += page.Count;
            var answers = consent.MayReach(page, wanted.Purpose, wanted.Channel);
            var told = Told(syncId, page);
            var allowed = page.Where(id => answers[id].Allowed).ToList();
            foreach (var answer in answers.Values.Where(answer => !answer.Allowed))
            {
                withheld[answer.Reason] = withheld.GetValueOrDefault(answer.Reason) + 1;
            }

            reachable += allowed.Count;
            stay += allowed.Count(told.Contains);
            var lackingHere = new HashSet<long>();
            if (seen < PeopleCheckedForIdentifiers)
            {
                var people = await profiles.FindAsync(allowed, ct);
                seen += allowed.Count;
                lackingHere.UnionWith(allowed.Except(people.Where(person => mapping.Of(person).Count > 0).Select(person => person.ProfileId)));
                lacking += lackingHere.Count;
                example ??= people.FirstOrDefault(person => mapping.Of(person).Count > 0) is { } one
                    ? Example(wanted, segment, one, answers[one.ProfileId], oneByOne)
                    : null;
            }

            add += allowed.Count(id => !told.Contains(id) && !lackingHere.Contains(id));
        }

        var remove = syncId is { } there ? CountTold(there) - stay : 0;
        return new SyncPreview(
            members, reachable, add, remove,
            [.. withheld.OrderByDescending(reason => reason.Value).Select(reason => new ReasonCount(reason.Key, reason.Value))],
            lacking, seen, example);
    }

    private HashSet<long> Told(long? syncId, IReadOnlyList<long> page) => syncId is { } known
        ? [.. outbox.LastOfRange(known, page[0] - 1, page[^1], PeopleAtOnce * 2).Where(IsIn).Select(person => person.ProfileId)]
        : [];

    private long CountTold(long syncId)
    {
        var count = 0L;
        for (var after = 0L; ;)
        {
            var page = outbox.LastOfRange(syncId, after, long.MaxValue, PeopleAtOnce);
            if (page.Count == 0)
            {
                return count;
            }

            after = page[^1].ProfileId;
            count += page.Count(IsIn);
        }
    }

    private static bool IsIn((long ProfileId, LastDelivery Last) person) =>
        person.Last is { Change: DeliveryChange.Entered, State: DeliveryState.Delivered or DeliveryState.Pending or DeliveryState.Parked };

    private string Example(NewSync wanted, Segment segment, Person person, ConsentAnswer answer, bool oneByOne)
    {
        var message = new Message(
            DeliveryChange.Entered, clock.GetUtcNow(), new SegmentName(segment.Id, segment.Name), person.ProfileId, null, person,
            wanted.Purpose, wanted.Channel, answer.RecordSeq is { } seq ? consent.Records([seq])[0] : null);
        if (oneByOne)
        {
            return Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(
                JsonDocument.Parse(Payload.Json(message, wanted.Mapping)).RootElement, Indented));
        }

        var columns = Payload.Columns(wanted.Mapping);
        var row = Payload.Row(message, wanted.Mapping);
        return JsonSerializer.Serialize(columns.Zip(row).ToDictionary(pair => pair.First, pair => pair.Second), Indented);
    }
}
