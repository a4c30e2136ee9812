using CdpMonolith.Consent.Contracts;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>How far the columns are.</summary>
/// <param name="Loaded">False while they are read from the store after a start.</param>
/// <param name="Progress">0 to 1.</param>
/// <param name="MemoryBytes">What the columns hold, in bytes.</param>
internal sealed record ColumnFacts(bool Loaded, double Progress, long People, long Events, long MemoryBytes);

/// <summary>
/// The one image of the audience in memory. Read from the store once, then fed by the stages; many may ask at once while one
/// feeds it.
/// </summary>
internal sealed partial class AudienceColumns(
    IProfiles profiles, IEventLog events, IConsent consent, TimeProvider clock, ILogger<AudienceColumns> logger,
    IHostApplicationLifetime? lifetime = null, IUndos? undos = null)
{
    private const int Piece = 20_000;

    private readonly Lock _feeding = new();
    private readonly ReaderWriterLockSlim _lock = new();
    private Columns _columns = new();
    private long _profileSeq;

    /// <summary>The program ends.</summary>
    public CancellationToken Closing { get; } = lifetime?.ApplicationStopping ?? default;

    /// <summary>Nothing may be asked before.</summary>
    public bool Loaded { get; private set; }

    public double Progress { get; private set; }

    public ColumnFacts Facts() =>
        Peek(columns => new ColumnFacts(Loaded, Loaded ? 1 : Progress, columns.People.Everybody.Count(), columns.EventCount, columns.MemoryBytes));

    /// <summary>Reads everything from the store, on this thread, unless that is done.</summary>
    /// <returns>False when the program ends, or while an import is being undone.</returns>
    public bool Load()
    {
        lock (_feeding)
        {
            if (Loaded)
            {
                return true;
            }

            // What is half undone is nobody's truth.
            if (undos?.IsTakingBack() == true)
            {
                return false;
            }

            var began = clock.GetTimestamp();
            var seq = profiles.LastSeq();
            var columns = new Columns();
            var isWhole = false;
            try
            {
                isWhole = LoadPeople(columns) && LoadConsents(columns) && LoadTraits(columns) && LoadEvents(columns, seq);
            }
            finally
            {
                if (!isWhole)
                {
                    columns.Dispose();
                }
            }

            if (!isWhole)
            {
                return false;
            }

            columns.Sort();
            Put(columns, seq);
            LogLoaded(
                columns.People.Everybody.Count(), columns.EventCount, columns.MemoryBytes >> 20,
                (long)clock.GetElapsedTime(began).TotalMilliseconds);
            return true;
        }
    }

    /// <summary>Throws the image away; the next <see cref="Load"/> reads it anew.</summary>
    public void Discard()
    {
        lock (_feeding)
        {
            Loaded = false;
        }
    }

    /// <summary>Whether events were taken back that are still in here.</summary>
    public bool HoldsWhatWasTakenBack(IReadOnlyList<ProfileChange> changes)
    {
        lock (_feeding)
        {
            return changes.Any(change => change.Kind == ProfileChangeKind.TakenBack && change.Seq > _profileSeq);
        }
    }

    /// <summary>Takes entries of the profile-change log that are not in here yet.</summary>
    public Touched Take(IReadOnlyList<ProfileChange> changes)
    {
        var touched = new Touched();
        lock (_feeding)
        {
            var fresh = changes.Where(change => change.Seq > _profileSeq).ToList();
            if (fresh.Count == 0)
            {
                return touched;
            }

            var resolved = Resolved(fresh);
            var golden = GoldenOf(fresh);
            var born = Born();
            _lock.EnterWriteLock();
            try
            {
                foreach (var pointer in born)
                {
                    _columns.AddPerson(pointer.ProfileId, pointer.CanonicalId, touched);
                }

                foreach (var change in fresh.Where(change => change.Kind == ProfileChangeKind.CanonicalChanged))
                {
                    _columns.AddPerson(change.ProfileId, change.CanonicalId!.Value, touched);
                }

                foreach (var (profile, record) in golden)
                {
                    _columns.SetTraits(profile, record, touched);
                }

                foreach (var (profile, call) in resolved)
                {
                    _columns.AddEvent(profile, call, touched);
                }

                _profileSeq = fresh[^1].Seq;
            }
            finally
            {
                _lock.ExitWriteLock();
            }
        }

        return touched;
    }

    /// <summary>Takes entries of the consent ledger that are not in here yet.</summary>
    public Touched Take(IReadOnlyList<ConsentEntry> entries)
    {
        var touched = new Touched();
        lock (_feeding)
        {
            _lock.EnterWriteLock();
            try
            {
                foreach (var entry in entries)
                {
                    _columns.AddConsent(entry, touched);
                }
            }
            finally
            {
                _lock.ExitWriteLock();
            }
        }

        return touched;
    }

    /// <summary>Asks the columns, in the order of time, while nobody changes them. Only once they are loaded.</summary>
    public T Ask<T>(Func<Columns, T> question)
    {
        while (true)
        {
            _lock.EnterReadLock();
            try
            {
                if (!Loaded)
                {
                    throw new InvalidOperationException("The columns are not loaded yet.");
                }

                if (_columns.IsSorted)
                {
                    return question(_columns);
                }
            }
            finally
            {
                _lock.ExitReadLock();
            }

            _lock.EnterWriteLock();
            try
            {
                _columns.Sort();
            }
            finally
            {
                _lock.ExitWriteLock();
            }
        }
    }

    /// <summary>Asks for names and facts, for which neither order nor completeness matters.</summary>
    public T Peek<T>(Func<Columns, T> question)
    {
        _lock.EnterReadLock();
        try
        {
            return question(_columns);
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Puts made-up columns in the place of those from the store: for measuring.</summary>
    public void Replace(Columns columns)
    {
        lock (_feeding)
        {
            Put(columns, _profileSeq);
        }
    }

    /// <summary>While nobody asks, for the old ones are gone with it.</summary>
    private void Put(Columns columns, long seq)
    {
        _lock.EnterWriteLock();
        _columns.Dispose();
        (_columns, _profileSeq, Loaded) = (columns, seq, true);
        _lock.ExitWriteLock();
    }

    private bool LoadPeople(Columns columns)
    {
        var touched = new Touched();
        for (var pointers = profiles.PointersAfter(0, Piece); pointers.Count > 0; pointers = profiles.PointersAfter(pointers[^1].ProfileId, Piece))
        {
            foreach (var pointer in pointers)
            {
                columns.AddPerson(pointer.ProfileId, pointer.CanonicalId, touched);
            }

            if (Closing.IsCancellationRequested)
            {
                return false;
            }
        }

        return true;
    }

    private bool LoadConsents(Columns columns)
    {
        var touched = new Touched();
        for (var entries = consent.Read(0, Piece); entries.Count > 0; entries = consent.Read(entries[^1].Seq, Piece))
        {
            foreach (var entry in entries)
            {
                columns.AddConsent(entry, touched);
            }

            if (Closing.IsCancellationRequested)
            {
                return false;
            }
        }

        return true;
    }

    private bool LoadTraits(Columns columns)
    {
        var touched = new Touched();
        for (var records = profiles.GoldenRecordsAfter(0, Piece); records.Count > 0; records = profiles.GoldenRecordsAfter(records[^1].ProfileId, Piece))
        {
            foreach (var record in records)
            {
                columns.SetTraits(record.ProfileId, record, touched);
            }

            if (Closing.IsCancellationRequested)
            {
                return false;
            }
        }

        return true;
    }

    private bool LoadEvents(Columns columns, long end)
    {
        var touched = new Touched();
        for (var seq = 0L; seq < end;)
        {
            var changes = profiles.ReadChanges(seq, Piece);
            if (changes.Count == 0)
            {
                break;
            }

            foreach (var (profile, call) in Resolved(changes.Where(change => change.Seq <= end)))
            {
                columns.AddEvent(profile, call, touched);
            }

            seq = changes[^1].Seq;
            Progress = (double)Math.Min(seq, end) / end;
            if (Closing.IsCancellationRequested)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What people did, of the events that were given to profiles, as far as it is still kept.</summary>
    private IEnumerable<(long ProfileId, Event Call)> Resolved(IEnumerable<ProfileChange> changes)
    {
        var profileOf = changes.Where(change => change.Kind == ProfileChangeKind.EventResolved && (change.Flags & EventFlags.Statement) == 0)
            .ToDictionary(change => change.EventSeq!.Value, change => change.ProfileId);
        return profileOf.Count == 0 ? [] : events.Read([.. profileOf.Keys.Order()]).Select(call => (profileOf[call.Seq], call)).ToList();
    }

    private IEnumerable<(long ProfileId, GoldenRecord? Record)> GoldenOf(IEnumerable<ProfileChange> changes)
    {
        var ids = changes.Select(change => change.TraitsChangedOf).OfType<long>().ToHashSet();
        var found = profiles.GoldenRecords(ids).ToDictionary(record => record.ProfileId);
        return ids.Select(id => (id, found.GetValueOrDefault(id)));
    }

    /// <summary>Profiles that the columns do not know yet. An id is given once and in order, so they stand behind the last one.</summary>
    private List<ProfilePointer> Born()
    {
        var born = new List<ProfilePointer>();
        var after = (long)_columns.People.LastId;
        while (profiles.PointersAfter(after, Piece) is { Count: > 0 } pointers)
        {
            born.AddRange(pointers);
            after = pointers[^1].ProfileId;
        }

        return born;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Audience columns hold {People} people and {Events} events in {MiB} MiB, read in {Ms} ms")]
    private partial void LogLoaded(int people, long events, long miB, long ms);
}
