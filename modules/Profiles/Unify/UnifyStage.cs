using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Profiles.Unify;

/// <summary>
/// Gives every event to a profile, joins profiles that are one person, and keeps what sources say of them.
/// </summary>
/// <remarks>
/// It decides on a snapshot, off the write lane. When somebody decided about a link or changed a table of values meanwhile, the same decision is made again
/// inside the lane, where nothing can come between.
/// </remarks>
internal sealed class UnifyStage(
    IStore store, IEventLog events, IdentifierRules rules, ISourceCountries countries, IOptions<ProfilesOptions> options, TimeProvider clock) : Stage<Event>
{
    private const int Remembered = 200_000;

    /// <summary>Reads one batch after the other, that which is read ahead included.</summary>
    private readonly CallReader _reader = new(rules, countries);
    private readonly IdentityCache _cache = new(Remembered);
    private readonly KnownStandards _standards = new();
    private readonly WordRuns _words = new(store);
    private Batch? _written;
    private Task<Readings?>? _ahead;
    private Readings? _read;

    public override string Name => "profiles.unify";

    public override string Follows => IEventLog.Log;

    public override int BatchSize => 1000;

    /// <summary>To put words of names into their table once nothing else is to be done.</summary>
    public override TimeSpan? WakesEvery => TimeSpan.FromSeconds(1);

    public override void Committed()
    {
        _words.Committed(_written?.BringsWords == true);
        if (_written is { } batch && batch.Version == _cache.Version)
        {
            batch.KeepIn(_cache);
        }

        _written = null;
    }

    public override void Forget()
    {
        _ahead?.GetAwaiter().GetResult();
        (_ahead, _read) = (null, null);
        _standards.Clear();
        _cache.Clear();
        _words.Clear();
        _written = null;
    }

    protected override IReadOnlyList<Event> Read(long after, int limit)
    {
        var ahead = _ahead?.GetAwaiter().GetResult();
        _read = ahead is { Events.Count: > 0 } && ahead.After == after && ahead.Events.Count <= limit ? ahead : Take(after, limit);

        // A backlog: while the lane writes these, the next are read and taken apart.
        _ahead = _read.Events.Count == BatchSize ? Task.Run(() => TakeAhead(_read.Events[^1].Seq, limit)) : null;
        return _read.Events;
    }

    protected override Action<WriteSession>? Decide(IReadOnlyList<Event> entries)
    {
        _written = null;
        if (entries.Count == 0)
        {
            return _words.Next(isQuiet: true);
        }

        var calls = _read?.Events == entries && _read.Calls is { } taken ? taken : CallsOf(entries, new CallReader(rules, countries));
        var decided = store.Read(read => Batch.Of(calls, read, _cache, options.Value, nextId: null, _standards));
        var words = _words.Next(isQuiet: false);
        return write =>
        {
            if (!decided.HoldsFor(write))
            {
                decided = Batch.Of(calls, write, cache: null, options.Value, write.NextSeq(Storage.GraphStore.IdCounter), _standards);
            }

            decided.Write(write, clock.GetUtcNow().ToUnixTimeMilliseconds());
            words?.Invoke(write);
            _written = decided;
        };
    }

    private Readings? TakeAhead(long after, int limit)
    {
        try
        {
            return Take(after, limit);
        }
        catch (StoreUnavailableException)
        {
            return null;
        }
    }

    private Readings Take(long after, int limit)
    {
        var read = events.Read(after, limit);
        try
        {
            return new Readings(after, read, CallsOf(read, _reader));
        }
        catch (Exception)
        {
            // The decision meets it once more, and there it is put aside.
            return new Readings(after, read, null);
        }
    }

    private static Call[] CallsOf(IReadOnlyList<Event> read, CallReader reader)
    {
        var calls = new Call[read.Count];
        for (var i = 0; i < calls.Length; i++)
        {
            calls[i] = reader.Read(read[i]);
        }

        return calls;
    }

    /// <summary>Events after a seq.</summary>
    /// <param name="Calls">Null: one of them cannot be taken apart.</param>
    private sealed record Readings(long After, IReadOnlyList<Event> Events, Call[]? Calls);
}
