using System.Text;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Import;

/// <summary>Rows that would be rejected for one reason.</summary>
/// <param name="FirstRow">The first of them; the first row below the heading is 1.</param>
internal sealed record DryReason(string Code, string? Field, string Message, long Rows, long FirstRow);

/// <summary>What an import would do.</summary>
/// <param name="Taken">Rows that would be stored.</param>
/// <param name="Calls">Calls that they become.</param>
/// <param name="NewPeople">People whom nobody has named yet, each once however many rows are about one.</param>
/// <param name="MatchedPeople">People who are there already, each once.</param>
/// <param name="PeopleCountedTo">People were counted up to this row; null: to the end.</param>
internal sealed record DryCounts(
    long Rows, long Taken, long Rejected, long Calls, long NewPeople, long MatchedPeople, long? PeopleCountedTo, IReadOnlyList<DryReason> Reasons);

/// <summary>Reads a whole file as an import would and counts; it writes nothing.</summary>
internal sealed class DryRun(IStore store, DataFolder folder, Imports imports, Acceptor acceptor, IEnumerable<IKnownPeople> people)
{
    private const int BatchRows = 2000;

    /// <summary>So many identifiers are told apart: about 200 MB.</summary>
    private const int IdentifiersAtMost = 5_000_000;

    public async Task<Outcome<DryCounts>> RunAsync(long fileId, long sourceId, ImportMapping mapping, CancellationToken ct)
    {
        if (await imports.FindFileAsync(fileId, ct) is not { } file)
        {
            return Imports.UnknownFile;
        }

        try
        {
            using var csv = new CsvRows(Imports.PathOf(folder, fileId), file.Shape);
            return mapping.Check(csv.Header.ToList()) is { } problem
                ? problem
                : await Task.Run(() => CountAsync(csv, new RowCalls(csv.Header, mapping, Imports.OwnIdType(sourceId), file.Sha256[..16], mapping.Key()), sourceId, ct), ct);
        }
        catch (Exception fault) when (fault is InvalidDataException or NotUnpackedException)
        {
            return new Problem("file.not_readable", fault.Message, "file");
        }
    }

    private async Task<Outcome<DryCounts>> CountAsync(CsvRows csv, RowCalls calls, long sourceId, CancellationToken ct)
    {
        var tally = new Tally();
        var arrival = Arrival.OfImport(0);
        var more = true;
        while (more)
        {
            ct.ThrowIfCancellationRequested();
            var rows = new List<(long Row, int Calls, IReadOnlyList<(string, string)> Who)>(BatchRows);
            while (rows.Count < BatchRows && (more = csv.Read()))
            {
                var problem = csv.Problem;
                var count = problem is null ? calls.Write(csv.Cells, csv.Row, out problem) : 0;
                if (problem is not null)
                {
                    tally.Reject(csv.Row, problem.Code, problem.Field, problem.Message);
                }
                else
                {
                    rows.Add((csv.Row, count, IdentifiersOf(calls)));
                }
            }

            var refusals = acceptor.Try(sourceId, calls.Take(), arrival);
            var taken = new List<(long Row, IReadOnlyList<(string, string)> Who)>(rows.Count);
            var at = 0;
            foreach (var (row, count, who) in rows)
            {
                var refusal = refusals.Skip(at).Take(count).FirstOrDefault(one => one is not null);
                at += count;
                if (refusal is not null)
                {
                    tally.Reject(row, refusal.Code, refusal.Field, refusal.Message);
                    continue;
                }

                tally.Take(count);
                taken.Add((row, who));
            }

            if (people.FirstOrDefault() is { } known && tally.CountsPeople && taken.Count > 0)
            {
                var looked = await store.ReadAsync(read => known.Look(read, [.. taken.Select(one => one.Who)]), ct);
                tally.Meet(looked, taken[^1].Row);
            }
        }

        return tally.Counts(csv.Row);
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
        private long _taken;
        private long _rejected;
        private long _calls;
        private long _new;
        private long _matched;
        private long? _countedTo;

        public bool CountsPeople => _countedTo is null;

        public void Take(int calls)
        {
            _taken++;
            _calls += calls;
        }

        public void Reject(long row, string code, string? field, string message)
        {
            _rejected++;
            var key = (code, field);
            _reasons[key] = _reasons.TryGetValue(key, out var before)
                ? before with { Rows = before.Rows + 1, FirstRow = Math.Min(before.FirstRow, row) }
                : new DryReason(code, field, message, 1, row);
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
            rows, _taken, _rejected, _calls, _new, _matched, _countedTo,
            [.. _reasons.Values.OrderByDescending(reason => reason.Rows).ThenBy(reason => reason.FirstRow)]);
    }
}
