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
    private const int Remembered = 400_000;

    private readonly CallReader _reader = new(rules, countries);
    private readonly IdentityCache _cache = new(Remembered);
    private readonly KnownStandards _standards = new();
    private Batch? _written;

    public override string Name => "profiles.unify";

    public override string Follows => IEventLog.Log;

    public override int BatchSize => 2000;

    public override void Committed()
    {
        if (_written is { } batch && batch.Version == _cache.Version)
        {
            batch.KeepIn(_cache);
        }

        _written = null;
    }

    public override void Forget()
    {
        _standards.Clear();
        _cache.Clear();
        _written = null;
    }

    protected override IReadOnlyList<Event> Read(long after, int limit) => events.Read(after, limit);

    protected override Action<WriteSession>? Decide(IReadOnlyList<Event> entries)
    {
        _written = null;
        if (entries.Count == 0)
        {
            return null;
        }

        var calls = new Call[entries.Count];
        for (var i = 0; i < calls.Length; i++)
        {
            calls[i] = _reader.Read(entries[i]);
        }

        var decided = store.Read(read => Batch.Of(calls, read, _cache, options.Value, nextId: null, _standards));
        return write =>
        {
            if (!decided.HoldsFor(write))
            {
                decided = Batch.Of(calls, write, cache: null, options.Value, write.NextSeq(Storage.GraphStore.IdCounter), _standards);
            }

            decided.Write(write, clock.GetUtcNow().ToUnixTimeMilliseconds());
            _written = decided;
        };
    }
}
