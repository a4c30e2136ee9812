using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Import;

/// <summary>Rows that would be rejected for one reason.</summary>
/// <param name="FirstRow">The first of them; the first row below the heading is 1.</param>
internal sealed record DryReason(string Code, string? Field, string Message, long Rows, long FirstRow);

/// <summary>What an import would do.</summary>
/// <param name="Taken">Rows that would be stored.</param>
/// <param name="AlreadyThere">Rows of which everything is stored already, or stands further up in the file: they would change nothing.</param>
/// <param name="Calls">Calls that would be stored.</param>
/// <param name="NewPeople">People whom nobody has named yet, each once however many rows are about one.</param>
/// <param name="MatchedPeople">People who are there already, each once.</param>
/// <param name="PeopleCountedTo">People were counted up to this row; null: to the end.</param>
internal sealed record DryCounts(
    long Rows, long Taken, long AlreadyThere, long Rejected, long Calls, long NewPeople, long MatchedPeople, long? PeopleCountedTo, IReadOnlyList<DryReason> Reasons);

/// <summary>Reads a whole file as an import would and counts; it writes nothing.</summary>
internal sealed class DryRun(IStore store, DataFolder folder, Imports imports, Acceptor acceptor, SourceMap sources, ISourceCountries countries, IEnumerable<IKnownPeople> people)
{
    private const int BatchRows = 2000;

    /// <summary>So many identifiers, and as many ids of events, are told apart: about 200 MB.</summary>
    private const int IdentifiersAtMost = 5_000_000;

    public async Task<Outcome<DryCounts>> RunAsync(long fileId, long sourceId, ImportMapping mapping, CancellationToken ct)
    {
        if (await imports.FindFileAsync(fileId, ct) is not { } file)
        {
            return Imports.UnknownFile;
        }

        try
        {
            var path = Imports.PathOf(folder, fileId);
            using var csv = new CsvRows(path, file.Shape);
            if (mapping.Check(csv.Header.ToList()) is { } problem)
            {
                return problem;
            }

            mapping = mapping with { TimeZone = mapping.TimeZone ?? sources.Find(sourceId)?.Settings.TimeZone };
            var calls = new RowCalls(csv.Header, mapping, Imports.OwnIdType(sourceId), file.Sha256[..16], mapping.Key(), countries.Of(sourceId));
            return await Task.Run(
                () => CountAsync(new RowGroups(csv, mapping, RowGroups.ApartIn(path, file.Shape, mapping, ct)), calls, sourceId, ct), ct);
        }
        catch (Exception fault) when (fault is InvalidDataException or NotUnpackedException)
        {
            return new Problem("file.not_readable", fault.Message, "file");
        }
    }

    private async Task<Outcome<DryCounts>> CountAsync(RowGroups groups, RowCalls calls, long sourceId, CancellationToken ct)
    {
        var tally = new Tally();
        var arrival = Arrival.OfImport(0);
        var stored = await store.ReadAsync(read => StoredMessages.Of(read, sourceId), ct);
        var more = true;
        while (more)
        {
            ct.ThrowIfCancellationRequested();
            var groupsOfBatch = new List<(IReadOnlyList<FileRow> Rows, int Calls, IReadOnlyList<(string, string)> Who)>(BatchRows);
            while (groupsOfBatch.Count < BatchRows && (more = groups.Read()))
            {
                var count = calls.Write(groups.Rows, out var fault);
                if (fault is null)
                {
                    groupsOfBatch.Add((groups.Rows, count, IdentifiersOf(calls)));
                    continue;
                }

                foreach (var row in groups.Rows)
                {
                    tally.Reject(row.Number, fault.Of(row));
                }
            }

            var bodies = calls.Take();
            var refusals = acceptor.Try(sourceId, bodies, arrival);
            var ids = bodies.ConvertAll(body => MessageKey.Kept(acceptor.Read(body, arrival).Calls is [var call, ..] ? call.MessageId : default));
            var known = await store.ReadAsync(read => stored.Look(read, ids), ct);
            var taken = new List<(long Row, IReadOnlyList<(string, string)> Who)>(groupsOfBatch.Count);
            var at = 0;
            foreach (var (rows, count, who) in groupsOfBatch)
            {
                var refusal = refusals.Skip(at).Take(count).FirstOrDefault(one => one is not null);
                at += count;
                if (refusal is not null)
                {
                    foreach (var row in rows)
                    {
                        tally.Reject(row.Number, new RowProblem(refusal.Code, refusal.Message, refusal.Field));
                    }

                    continue;
                }

                tally.Take(rows.Count, ids.Take((at - count)..at).Zip(known.Take((at - count)..at)).Count(call => !call.Second && tally.IsFirst(call.First.Span)));
                taken.Add((rows[^1].Number, who));
            }

            if (people.FirstOrDefault() is { } all && tally.CountsPeople && taken.Count > 0)
            {
                var looked = await store.ReadAsync(read => all.Look(read, [.. taken.Select(one => one.Who)]), ct);
                tally.Meet(looked, taken[^1].Row);
            }
        }

        return tally.Counts(groups.LastRow);
    }

    private static List<(string, string)> IdentifiersOf(RowCalls calls)
    {
        var found = new List<(string, string)>(3);
        void Add(string type, string? value)
        {
            if (value is not null)
            {
                found.Add((type, value));
            }
        }

        var who = calls.Who;
        Add("user_id", who.UserId);
        Add("email", who.Email);
        Add("phone", who.Phone);
        Add(calls.OwnIdType, who.OwnId);
        Add("anonymous_id", who.AnonymousId);
        return found;
    }

    /// <summary>What was counted so far.</summary>
    private sealed class Tally
    {
        private readonly Dictionary<(string Code, string? Field), DryReason> _reasons = [];
        private readonly HashSet<long> _met = [];
        private readonly HashSet<long> _events = [];
        private long _taken;
        private long _alreadyThere;
        private long _rejected;
        private long _calls;
        private long _new;
        private long _matched;
        private long? _countedTo;

        public bool CountsPeople => _countedTo is null;

        /// <param name="calls">Those of them that are not there yet.</param>
        public void Take(int rows, int calls)
        {
            (_taken, _alreadyThere) = calls > 0 ? (_taken + rows, _alreadyThere) : (_taken, _alreadyThere + rows);
            _calls += calls;
        }

        /// <summary>False: the file had it before. Ids that are made of the row's number cannot come twice and are not kept.</summary>
        public bool IsFirst(ReadOnlySpan<byte> messageId) =>
            messageId.StartsWith("import-"u8) || _events.Count >= IdentifiersAtMost || _events.Add(MessageKey.Of(0, messageId));

        public void Reject(long row, RowProblem problem)
        {
            _rejected++;
            var key = (problem.Code, problem.Field);
            _reasons[key] = _reasons.TryGetValue(key, out var before)
                ? before with { Rows = before.Rows + 1, FirstRow = Math.Min(before.FirstRow, row) }
                : new DryReason(problem.Code, problem.Field, problem.Message, 1, row);
        }

        /// <summary>Somebody of whom an identifier was met before is counted already.</summary>
        public void Meet(IReadOnlyList<LookedUp> looked, long lastRow)
        {
            foreach (var person in looked)
            {
                var isFirst = true;
                foreach (var key in person.Keys)
                {
                    isFirst &= _met.Add(MessageKey.Of(0, Encoding.UTF8.GetBytes(key)));
                }

                if (isFirst && person.Keys.Count > 0)
                {
                    (_new, _matched) = person.ProfileId is not null ? (_new, _matched + 1) : (_new + 1, _matched);
                }
            }

            if (_met.Count >= IdentifiersAtMost)
            {
                _countedTo = lastRow;
            }
        }

        public DryCounts Counts(long rows) => new(
            rows, _taken, _alreadyThere, _rejected, _calls, _new, _matched, _countedTo,
            [.. _reasons.Values.OrderByDescending(reason => reason.Rows).ThenBy(reason => reason.FirstRow)]);
    }
}
