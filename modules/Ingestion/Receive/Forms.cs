using System.Text.Json;
using CdpMonolith.Ingestion.Accept;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Ingestion.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Ingestion.Receive;

/// <summary>Hosted forms: what they ask, and what visitors answer. Each belongs to one source.</summary>
internal sealed class Forms(IStore store, Acceptor acceptor, IAudit audit, TimeProvider clock)
{
    /// <summary>An e-mail address or a visitor's own id is enough.</summary>
    private static readonly Arrival Way = new(Route: null, Quarantines: true, NeedsId: false);

    /// <returns>Null: the source has none yet.</returns>
    public Task<FormDefinition?> FindAsync(long sourceId, CancellationToken ct) => store.ReadAsync(read => FormStore.Find(read, sourceId), ct);

    /// <summary>The wording that a consent record names; null: not one of a form's.</summary>
    public Task<string?> WordingAsync(string textVersion, CancellationToken ct) => store.ReadAsync(read => FormStore.Wording(read, textVersion), ct);

    public Task<IReadOnlyList<FormCount>> CountsAsync(long sourceId, CancellationToken ct) => store.ReadAsync(read => FormStore.Counts(read, sourceId), ct);

    public async Task<Outcome<FormDefinition>> SaveAsync(Actor actor, Source source, FormDefinition wanted, CancellationToken ct)
    {
        if (source.Kind != SourceKind.Form)
        {
            return new Problem("form.kind_wrong", "This kind of source has no form.");
        }

        var form = wanted.Tidy();
        if (form.Check() is { } wrong)
        {
            return wrong;
        }

        await store.WriteAsync(
            write =>
            {
                FormStore.Save(write, source.Id, form, clock.GetUtcNow().ToUnixTimeMilliseconds());
                audit.Record(write, actor, "source.form_changed", FormattableString.Invariant($"source:{source.Id}"), new
                {
                    questions = form.Fields.Select(field => field.Key), purposes = form.Consents.Select(consent => consent.Purpose),
                });
            }, ct);
        return form;
    }

    /// <summary>Stores what a visitor sent. Sent twice, it is stored and counted once.</summary>
    /// <returns>False: nothing was filled in.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was stored; it can be sent again.</exception>
    public async Task<bool> TakeAsync(Source source, FormDefinition form, FormFilled filled)
    {
        var calls = filled.Calls(form, source.Id);
        if (calls.Count == 0)
        {
            return false;
        }

        await acceptor.AcceptAsync(
            source.Id, [.. calls.Select(call => (ReadOnlyMemory<byte>)JsonSerializer.SerializeToUtf8Bytes(call))], Way,
            (write, verdicts) =>
            {
                if (verdicts[0] is { IsDuplicate: false, Refusal: null })
                {
                    FormStore.Count(write, source.Id, filled.Picked(form));
                }
            }, CancellationToken.None);
        return true;
    }
}
