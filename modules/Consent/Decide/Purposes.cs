using CdpMonolith.Consent.Contracts;
using CdpMonolith.Consent.Rules;
using CdpMonolith.Consent.Storage;
using CdpMonolith.Platform;
using CdpMonolith.Platform.Audit;
using CdpMonolith.Platform.Store;
using CdpMonolith.Platform.Users;

namespace CdpMonolith.Consent.Decide;

/// <summary>A purpose as somebody asks for it.</summary>
/// <param name="Key">Null: made from the name.</param>
internal sealed record NewPurpose(string? Key, string Name, string? Description);

/// <summary>Keeps the register of purposes.</summary>
internal sealed class Purposes(IStore store, PurposeStore purposes, IAudit audit, TimeProvider clock)
{
    private const int LongestName = 80;
    private const int LongestDescription = 1000;

    public async Task<Outcome<Purpose>> CreateAsync(NewPurpose wanted, Actor actor, CancellationToken ct)
    {
        if (Refusal(wanted) is { } problem)
        {
            return problem;
        }

        var key = Words.Key(wanted.Key) ?? KeyFrom(wanted.Name);
        if (key is null)
        {
            return new Problem("purpose.key_missing", "Give the purpose a key of letters or digits.", "key");
        }

        var purpose = new Purpose(
            key, wanted.Name.Trim(), wanted.Description?.Trim() ?? "", clock.GetUtcNow().ToUnixTimeMilliseconds());
        var created = await store.WriteAsync(
            write =>
            {
                if (!purposes.Add(write, purpose.Key, purpose.Name, purpose.Description, seen: false, purpose.CreatedAt))
                {
                    return false;
                }

                audit.Record(write, actor, "purpose.created", $"purpose:{purpose.Key}", new { purpose.Name, purpose.Description });
                return true;
            }, ct);
        return created ? purpose : new Problem("purpose.key_taken", "Another purpose has this key.", "key");
    }

    public async Task<Outcome<Purpose>> DescribeAsync(string key, string name, string? description, Actor actor, CancellationToken ct)
    {
        if (Refusal(new NewPurpose(key, name, description)) is { } problem)
        {
            return problem;
        }

        var changed = await store.WriteAsync(
            write =>
            {
                if (!purposes.Change(write, key, name.Trim(), description?.Trim() ?? ""))
                {
                    return false;
                }

                audit.Record(write, actor, "purpose.described", $"purpose:{key}", new { Name = name, Description = description });
                return true;
            }, ct);
        return changed
            ? (await purposes.AllAsync(ct)).First(purpose => purpose.Key == key)
            : new Problem("purpose.unknown", "There is no such purpose.", "key");
    }

    private static Problem? Refusal(NewPurpose wanted) => wanted switch
    {
        { Name: var name } when string.IsNullOrWhiteSpace(name) =>
            new Problem("purpose.name_missing", "Give the purpose a name.", "name"),
        { Name.Length: > LongestName } =>
            new Problem("purpose.name_too_long", $"A name has at most {LongestName} characters.", "name"),
        { Key.Length: > Words.LongestKey } =>
            new Problem("purpose.key_too_long", $"A key has at most {Words.LongestKey} characters.", "key"),
        { Description.Length: > LongestDescription } =>
            new Problem("purpose.description_too_long", $"A description has at most {LongestDescription} characters.", "description"),
        _ => null,
    };

    /// <summary>Letters and digits of the name, with one line between words.</summary>
    private static string? KeyFrom(string name)
    {
        var kept = new string([.. name.ToLowerInvariant().Select(c => char.IsLetterOrDigit(c) ? c : '-')]);
        return Words.Key(string.Join('-', kept.Split('-', StringSplitOptions.RemoveEmptyEntries)));
    }
}
