using System.Text;
using System.Text.Json;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Segmentation.Contracts;
using CdpMonolith.Segmentation.Storage;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>Writes the members of a segment into a file, and on record that somebody took it.</summary>
internal sealed class Export(IStore store, MemberStore members, IProfiles profiles, IAudit audit)
{
    private const int Piece = 1000;
    private static readonly string[] Fields = ["profileId", "name", "userId", "email", "phone", "since"];

    /// <summary>One line a person, in UTF-8; with a header line as CSV, an object with the traits as NDJSON.</summary>
    public async Task WriteAsync(Segment segment, bool csv, Stream into, Actor actor, CancellationToken ct)
    {
        await store.WriteAsync(
            write => audit.Record(
                write, actor, "segment.exported", FormattableString.Invariant($"segment:{segment.Id}"), new { format = csv ? "csv" : "ndjson", segment.Size }),
            ct);
        await using var text = new StreamWriter(into, new UTF8Encoding(false), leaveOpen: true) { NewLine = csv ? "\r\n" : "\n" };
        if (csv)
        {
            await text.WriteLineAsync(string.Join(',', Fields));
        }

        for (var after = 0L; ;)
        {
            var page = await members.MembersWithSinceAsync(segment.Id, after, Piece, ct);
            if (page.Count == 0)
            {
                return;
            }

            var people = (await profiles.FindAsync([.. page.Select(member => member.ProfileId)], ct)).ToDictionary(person => person.ProfileId);
            foreach (var (id, since) in page)
            {
                if (people.TryGetValue(id, out var person))
                {
                    await text.WriteLineAsync(csv ? CsvLine(person, since) : JsonLine(person, since));
                }
            }

            after = page[^1].ProfileId;
        }
    }

    private static string CsvLine(Person person, long since) => string.Join(',', new[]
    {
        FormattableString.Invariant($"{person.ProfileId}"), person.DisplayName, Of(person, IdentifierTypes.UserId), person.Email,
        Of(person, IdentifierTypes.Phone), TimeText(since),
    }.Select(Cell.Csv));

    private static string JsonLine(Person person, long since)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("profileId", person.ProfileId);
            json.WriteString("name", person.DisplayName);
            json.WriteString("userId", Of(person, IdentifierTypes.UserId));
            json.WriteString("email", person.Email);
            json.WriteString("phone", Of(person, IdentifierTypes.Phone));
            json.WriteString("since", TimeText(since));
            json.WritePropertyName("traits");
            json.WriteRawValue(person.Golden.Traits);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string? Of(Person person, string type) => person.Identifiers.FirstOrDefault(identifier => identifier.Type == type).Value;

    private static string TimeText(long at) => DateTimeOffset.FromUnixTimeMilliseconds(at).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
