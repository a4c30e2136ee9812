using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>A table with how people's values stand to it.</summary>
/// <param name="Unmatched">Values that it does not know, the most frequent first.</param>
/// <param name="IsSettling">Golden records are being brought in line with it.</param>
internal sealed record ValueTableView(KeptValueTable Kept, IReadOnlyList<TraitValue> Unmatched, bool IsSettling);

/// <summary>Tables of values: seen by all, changed by marketers.</summary>
internal sealed class ValueTables(IStore store, IAudit audit, Restandardising restandardising, IEnumerable<ITraitValues> values, TimeProvider clock)
{
    private const int TablesAtMost = 200;

    public static readonly Problem Unknown = new("values.unknown", "There is no table of this trait.", "trait");

    public async Task<IReadOnlyList<ValueTableView>> ListAsync(CancellationToken ct)
    {
        var (tables, changes) = await store.ReadAsync(read => (ValueStore.All(read), ValueStore.Changes(read)), ct);
        return [.. tables.Select(kept => new ValueTableView(kept, UnmatchedBy(kept.Table), changes.Any(change => change.Trait == kept.Table.Trait)))];
    }

    public async Task<ValueTableView?> FindAsync(string trait, CancellationToken ct) =>
        (await ListAsync(ct)).FirstOrDefault(view => view.Kept.Table.Trait == trait);

    /// <summary>Traits that have no table yet.</summary>
    public async Task<IReadOnlyList<string>> FreeTraitsAsync(CancellationToken ct)
    {
        var tables = await store.ReadAsync(ValueStore.All, ct);
        return [.. values.SelectMany(one => one.Traits()).Where(trait => tables.All(kept => kept.Table.Trait != trait))];
    }

    /// <summary>Values of the trait that the table does not know.</summary>
    public IReadOnlyList<TraitValue> UnmatchedBy(ValueTable table)
    {
        var standards = new Standards([table]);
        return [.. values.SelectMany(one => one.Of(table.Trait)).Where(value => standards.IsUnmatched(table.Trait, value.Value))];
    }

    /// <summary>Makes or changes a table; people's golden records follow in the background.</summary>
    public async Task<Outcome<ValueTable>> PutAsync(Actor actor, ValueTable wanted, CancellationToken ct)
    {
        var table = wanted.Tidied();
        if (table.Check() is { } wrong)
        {
            return wrong;
        }

        var problem = await store.WriteAsync(
            write =>
            {
                var all = ValueStore.All(write);
                if (all.Count >= TablesAtMost && all.All(kept => kept.Table.Trait != table.Trait))
                {
                    return new Problem("values.too_many_tables", $"There are at most {TablesAtMost} tables.", "trait");
                }

                ValueStore.Save(write, table, clock.GetUtcNow().ToUnixTimeMilliseconds(), actor.Name);
                Change(write, actor, "values.changed", table.Trait, table.Values.Sum(value => value.Written.Count));
                return null;
            }, ct);
        if (problem is not null)
        {
            return problem;
        }

        restandardising.Wake();
        return table;
    }

    public async Task<Problem?> RemoveAsync(Actor actor, string trait, CancellationToken ct)
    {
        var isGone = await store.WriteAsync(
            write =>
            {
                if (!ValueStore.Remove(write, trait))
                {
                    return false;
                }

                Change(write, actor, "values.removed", trait, 0);
                return true;
            }, ct);
        if (!isGone)
        {
            return Unknown;
        }

        restandardising.Wake();
        return null;
    }

    private void Change(WriteSession write, Actor actor, string action, string trait, int written)
    {
        ValueStore.Begin(write, trait);

        // What was decided on the tables as they were is decided again.
        GraphStore.NextVersion(write);
        audit.Record(write, actor, action, $"trait:{trait}", new { written });
    }
}
