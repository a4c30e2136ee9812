using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Options;

namespace CdpMonolith.Ingestion.Accept;

/// <summary>How calls came.</summary>
/// <param name="Route">What the path says they are; null: each call says it itself.</param>
/// <param name="IsBatch">The body is <c>{ batch: [call, …] }</c>; else it is one call.</param>
/// <param name="ImportId">The import that brings them.</param>
/// <param name="Flags">Added to each event.</param>
/// <param name="Quarantines">Unusable calls are put aside; false when the caller has a report of its own.</param>
/// <param name="NeedsId">A call without userId and anonymousId is unusable; false when the caller saw to another identifier.</param>
/// <param name="IsLong">A call may be as large as a request: this program wrote it of a file or a webhook, which may hold a long order.</param>
/// <param name="IsRetry">The sender says that it sends this again.</param>
internal sealed record Arrival(
    CallType? Route, bool IsBatch = false, long? ImportId = null, EventFlags Flags = EventFlags.None, bool Quarantines = true,
    bool NeedsId = true, bool IsRetry = false, bool IsLong = false)
{
    public static readonly Arrival Batch = new(Route: null, IsBatch: true);

    /// <summary>The way of an import: historical calls, whose faults the import's own report tells.</summary>
    public static Arrival OfImport(long importId) => new(Route: null, false, importId, EventFlags.Historical, Quarantines: false, NeedsId: false, IsLong: true);

    /// <summary>How the quarantine names the way, so that a replay can go the same one.</summary>
    public string Name => IsBatch ? "batch" : Route is { } type ? type.ToString().ToLowerInvariant() : "call";

    public static Arrival Named(string name) => name switch
    {
        "batch" => Batch,
        "call" => new Arrival(Route: null),
        _ => new Arrival(Enum.Parse<CallType>(name, ignoreCase: true)),
    };
}

/// <summary>What became of one call.</summary>
/// <param name="Seq">Its event; the earlier one, when it is a duplicate. 0: refused.</param>
/// <param name="Refusal">Null: it is stored, now or before.</param>
internal sealed record Verdict(long Seq, bool IsDuplicate, Refusal? Refusal)
{
    public static Verdict Of(Call call) => new(call.Seq, call.IsDuplicate, call.Refusal);
}

/// <summary>The door: every event comes through here, whichever way it came.</summary>
internal sealed class Acceptor(
    IStore store, MessageIndex messages, FreeSpace space, SourceMap sources, Plans plans, Violations violations, Tallies tallies, LiveFeed live, TimeProvider clock,
    IOptions<IngestionOptions> options)
{
    private const int HeadBytes = 4096;

    private readonly IngestionOptions _limits = options.Value;

    /// <summary>Takes a request apart; nothing is stored yet. The bytes must stay until it is accepted.</summary>
    public Request Read(ReadOnlyMemory<byte> body, Arrival arrival) => BodyReader.Read(body, arrival.IsBatch, _limits);

    /// <summary>
    /// Stores the calls of a request in one piece of work, and puts the unusable ones aside. Ends when all of it is on disk;
    /// what became of each call then stands in it.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was stored; the sender may try again later.</exception>
    public async Task AcceptAsync(Source source, Request request, ReadOnlyMemory<byte> body, Arrival arrival)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (request.Refusal is { } refusal)
        {
            space.Require();
            await store.WriteAsync(
                write => QuarantineStore.Put(write, Aside(source.Id, refusal, body, body.Length, null, now, arrival)),
                CancellationToken.None);
            tallies.Count(source.Id, now, quarantined: 1, retried: arrival.IsRetry ? 1 : 0);
            live.Show(source.Id, now, [new Call { Raw = body, Body = body, Refusal = refusal }], arrival.Route);
            return;
        }

        Complete(request, source.Id, arrival, now);
        await StoreAsync(source.Id, request.Calls, request.Shared, arrival, now, null, CancellationToken.None);
    }

    /// <summary>A request came that is too much for its source's rate.</summary>
    public void TurnAway(Source source, Request request, Arrival arrival)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        tallies.Count(source.Id, now, turnedAway: 1);
        live.Show(source.Id, now, request.Calls, arrival.Route, (LiveVerdict.TurnedAway, null));
    }

    /// <summary>A request came that its source does not take, for a reason that lies in its settings.</summary>
    public void Refuse(Source source, Request request, Arrival arrival, Refusal refusal)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        tallies.Count(source.Id, now, refused: 1);
        live.Show(source.Id, now, request.Calls, arrival.Route, (LiveVerdict.Refused, refusal.Code));
    }

    /// <summary>Stores what was put aside once and is sound now, as of when it was received.</summary>
    /// <param name="settle">Takes it out of the quarantine, or notes what is still wrong; in the same transaction.</param>
    public async Task ReplayAsync(
        long sourceId, Request request, Arrival arrival, long received, Action<WriteSession, IReadOnlyList<Verdict>> settle,
        CancellationToken ct)
    {
        Complete(request, sourceId, arrival, received);
        await StoreAsync(sourceId, request.Calls, request.Shared, arrival, received, settle, ct, isReplay: true);
    }

    /// <summary>
    /// Stores many calls at once, each one JSON object as a client would send it: for importers. In order, in one transaction.
    /// </summary>
    /// <param name="also">Written in the same transaction, such as how far the import has come; null: nothing.</param>
    /// <returns>What became of each call, in the order given.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was stored; try again later.</exception>
    public async Task<IReadOnlyList<Verdict>> AcceptAsync(
        long sourceId, IReadOnlyList<ReadOnlyMemory<byte>> bodies, Arrival arrival,
        Action<WriteSession, IReadOnlyList<Verdict>>? also, CancellationToken ct)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var calls = new List<Call>(bodies.Count);
        foreach (var body in bodies)
        {
            calls.Add(ReadOne(sourceId, body, arrival, now));
        }

        await StoreAsync(sourceId, calls, Shared.Nothing, arrival, now, also, ct);
        return [.. calls.Select(Verdict.Of)];
    }

    /// <summary>What the door would say of each call; nothing is stored.</summary>
    public IReadOnlyList<Refusal?> Try(long sourceId, IReadOnlyList<ReadOnlyMemory<byte>> bodies, Arrival arrival)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var calls = bodies.Select(body => ReadOne(sourceId, body, arrival, now)).ToList();
        Hold(sourceId, calls, []);
        return [.. calls.Select(call => call.Refusal)];
    }

    private Call ReadOne(long sourceId, ReadOnlyMemory<byte> body, Arrival arrival, long now)
    {
        var request = Read(body, arrival);
        var call = request.Refusal is { } refusal ? new Call { Raw = body, Body = body, Refusal = refusal } : request.Calls[0];
        CallRules.Complete(call, Shared.Nothing, arrival.Route, sourceId, now, arrival.Flags, _limits, arrival.NeedsId, arrival.IsLong);
        return call;
    }

    private void Complete(Request request, long sourceId, Arrival arrival, long received)
    {
        foreach (var call in request.Calls)
        {
            CallRules.Complete(call, request.Shared, arrival.Route, sourceId, received, arrival.Flags, _limits, arrival.NeedsId, arrival.IsLong);
        }
    }

    private async Task StoreAsync(
        long sourceId, IReadOnlyList<Call> calls, Shared shared, Arrival arrival, long now,
        Action<WriteSession, IReadOnlyList<Verdict>>? also, CancellationToken ct, bool isReplay = false)
    {
        space.Require();
        var strayed = new List<Violation>();
        Hold(sourceId, calls, strayed);
        await store.WriteAsync(
            write =>
            {
                var first = write.NextSeq(IEventLog.Log);
                var counts = Store(write, sourceId, calls, shared, arrival, now, first);
                also?.Invoke(write, [.. calls.Select(Verdict.Of)]);
                write.OnCommitted(() => Count(sourceId, now, calls.Count, counts, first, arrival, isReplay));
            }, ct);

        // What is sent through the door again was counted when it came.
        if (strayed.Count > 0 && !isReplay)
        {
            violations.Count(sourceId, strayed, now);
        }

        live.Show(sourceId, now, calls, arrival.Route);
    }

    private void Count(
        long sourceId, long now, int calls, (int Stored, int Duplicates, int Blocked) counts, long first, Arrival arrival, bool isReplay)
    {
        tallies.Count(
            sourceId, now, counts.Stored, counts.Duplicates, isReplay ? 0 : calls - counts.Stored - counts.Duplicates - counts.Blocked, counts.Blocked,
            retried: arrival.IsRetry ? 1 : 0);
        if (counts.Stored > 0)
        {
            tallies.MarkCounted(first, counts.Stored);
        }
    }

    /// <summary>Holds the calls to what the source's settings and the tracking plan say.</summary>
    private void Hold(long sourceId, IReadOnlyList<Call> calls, List<Violation> strayed)
    {
        var settings = sources.Find(sourceId)?.Settings ?? SourceSettings.Default;
        var checker = plans.Checker;
        foreach (var call in calls)
        {
            if (call.Refusal is not null)
            {
                continue;
            }

            if (settings.Consent is { } purpose && !RequiredConsent.IsGiven(call, purpose))
            {
                call.Refusal = Refusal.ConsentMissing;
                continue;
            }

            checker?.Check(call, strayed);
            if (!settings.KeepsIp)
            {
                call.Body = IpAddresses.Truncate(call.Body);
            }
        }
    }

    private (int Stored, int Duplicates, int Blocked) Store(
        WriteSession write, long sourceId, IReadOnlyList<Call> calls, Shared shared, Arrival arrival, long now, long first)
    {
        var kept = new List<Call>(calls.Count);
        var (refused, blocked) = (0, 0);
        messages.Look(write, calls);
        foreach (var call in calls)
        {
            if (call.Refusal is { } refusal)
            {
                refused++;
                if (refusal == Refusal.ConsentMissing)
                {
                    blocked++;
                }
                else if (arrival.Quarantines)
                {
                    var raw = refusal.Code == "event.too_large" ? call.Raw[..Math.Min(call.Raw.Length, HeadBytes)] : call.Raw;
                    QuarantineStore.Put(
                        write, Aside(sourceId, refusal, raw, call.Raw.Length, shared, now, arrival with { IsBatch = false }));
                }

                continue;
            }

            call.Seq = first + kept.Count;
            if (messages.FindOrAdd(write, call, sourceId, call.Seq, first, kept) is var earlier and not 0)
            {
                (call.Seq, call.IsDuplicate) = (earlier, true);
            }
            else
            {
                kept.Add(call);
            }
        }

        if (kept.Count > 0)
        {
            EventStore.Append(write, kept, sourceId, now, arrival.ImportId);
        }

        return (kept.Count, calls.Count - kept.Count - refused, blocked);
    }

    private static Quarantined Aside(
        long sourceId, Refusal refusal, ReadOnlyMemory<byte> raw, long rawBytes, Shared? shared, long now, Arrival arrival) =>
        new(0, sourceId, refusal.Code, refusal.Message, refusal.Field, arrival.Name, raw.ToArray(), rawBytes,
            shared is null ? null : Merge.Envelope(shared), now, arrival.ImportId, 0);
}
