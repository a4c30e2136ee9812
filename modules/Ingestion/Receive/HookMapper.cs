using System.Text.Json;
using System.Text.Json.Nodes;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CdpMonolith.Ingestion.Receive;

/// <summary>
/// Makes calls of the webhooks that wait. The calls and the webhook's new state are one transaction, and message ids are made of the
/// delivery or the order, so that a crash neither loses nor doubles anything.
/// </summary>
internal sealed partial class HookMapper(
    IStore store, SourceMap sources, Acceptor acceptor, EventStore events, TimeProvider clock, ILogger<HookMapper> logger) : BackgroundService
{
    private const int AtOnce = 100;
    private static readonly TimeSpan PauseAfterOutage = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LooksAnyway = TimeSpan.FromSeconds(30);

    /// <summary>An e-mail address or the shop's own id is enough.</summary>
    private static readonly Arrival Way = new(Route: null, Quarantines: false, NeedsId: false, IsLong: true);

    private readonly SemaphoreSlim _wake = new(0);
    private readonly SemaphoreSlim _mapping = new(1);

    /// <summary>Maps all that waits, then ends.</summary>
    public async Task MapWaitingAsync(CancellationToken ct)
    {
        await _mapping.WaitAsync(ct);
        try
        {
            var after = 0L;
            while (await store.ReadAsync(read => HookStore.Waiting(read, after, AtOnce), ct) is { Count: > 0 } waiting)
            {
                foreach (var hook in waiting)
                {
                    await TryMapAsync(hook, ct);
                }

                after = waiting[^1].Id;
            }
        }
        finally
        {
            _mapping.Release();
        }
    }

    /// <summary>What a webhook becomes, without storing it.</summary>
    public HookResult Map(Source source, HookSettings settings, string topic, string delivery, ReadOnlyMemory<byte> raw)
    {
        try
        {
            using var document = JsonDocument.Parse(raw);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return HookResult.Failed("hook.not_object", "The body is not a JSON object.");
            }

            var hook = new Hook(topic, document.RootElement, delivery, settings.Purpose, order => ContextOf(source.Id, order));
            return source.Kind switch
            {
                SourceKind.Shopify => ShopifyHook.Map(hook),
                SourceKind.WooCommerce => WooHook.Map(hook),
                _ => settings.Mapping.Map(hook),
            };
        }
        catch (JsonException)
        {
            return HookResult.Failed("hook.not_json", "The body is not JSON.");
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException or OverflowException or FormatException)
        {
            // Half surrogates and members of one name twice, which JSON allows and text does not; amounts beyond any sum.
            return HookResult.Failed("hook.not_readable", "The body has text or numbers that cannot be read.");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        store.LogsGrew += Wake;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await MapWaitingAsync(stoppingToken);
                await _wake.WaitAsync(LooksAnyway, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (StoreUnavailableException fault)
            {
                LogWaiting(fault);
                await Task.Delay(PauseAfterOutage, clock, CancellationToken.None);
            }
        }

        store.LogsGrew -= Wake;
    }

    private void Wake(IReadOnlyCollection<string> logs)
    {
        if (logs.Contains(HookStore.Log))
        {
            _wake.Release();
        }
    }

    /// <summary>One that breaks the mapper stops no other: it has failed, and can be mapped again.</summary>
    private async Task TryMapAsync(HookCallRow row, CancellationToken ct)
    {
        try
        {
            await MapAsync(row, ct);
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StoreUnavailableException))
        {
            LogFault(row.Id, fault);
            await store.WriteAsync(
                write => HookStore.End(write, row.Id, "failed", "hook.fault", "The mapper made a mistake; its log has the number of this webhook.", null, null, 0), ct);
        }
    }

    private async Task MapAsync(HookCallRow row, CancellationToken ct)
    {
        if (sources.Find(row.SourceId) is not { } source)
        {
            return;
        }

        var settings = Hooks.Of(await store.ReadAsync(read => HookStore.Find(read, source.Id), ct));
        var result = Map(source, settings, row.Topic, row.Delivery, row.Raw);
        var state = result.State.ToString().ToLowerInvariant();
        if (result.Calls.Count == 0)
        {
            await store.WriteAsync(write => HookStore.End(write, row.Id, state, result.Reason, result.Message, result.Order, null, 0), ct);
            return;
        }

        // What the door refuses is mended in the mapping and the webhook mapped again; what it took then is a repeat.
        var bodies = result.Calls.Select(call => (ReadOnlyMemory<byte>)JsonSerializer.SerializeToUtf8Bytes(call)).ToList();
        await acceptor.AcceptAsync(
            source.Id, bodies, Way,
            (write, verdicts) =>
            {
                var refusal = verdicts.Select(verdict => verdict.Refusal).FirstOrDefault(refusal => refusal is not null);
                HookStore.End(
                    write, row.Id, refusal is null ? state : "failed", refusal?.Code, refusal?.Message, result.Order,
                    verdicts.Select(verdict => verdict.Seq).FirstOrDefault(seq => seq > 0) is var seq and > 0 ? seq : null,
                    verdicts.Count(verdict => verdict.Refusal is null && !verdict.IsDuplicate));
            }, ct);
    }

    /// <summary>Who an order's first event was about; a refund does not say.</summary>
    private JsonObject? ContextOf(long sourceId, string order)
    {
        if (store.Read(read => HookStore.EventOf(read, sourceId, order)) is not { } seq || events.Read([seq]) is not [var first])
        {
            return null;
        }

        var context = JsonNode.Parse(first.Body)?["context"]?.DeepClone() as JsonObject;
        context?.Remove("consent");
        return context;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Webhook {Id} could not be mapped")]
    private partial void LogFault(long id, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhooks wait until the store takes writes again")]
    private partial void LogWaiting(Exception fault);
}
