using CdpMonolith.Consent.Contracts;

namespace CdpMonolith.Consent.Rules;

/// <summary>What the fold needs of a ledger entry.</summary>
internal readonly record struct Mark(
    long Seq, long ProfileId, string Channel, ConsentStatus Status, long OccurredAt, string? RestatedBy)
{
    public static Mark Of(ConsentEntry entry) =>
        new(entry.Seq, entry.ProfileId, entry.Channel, entry.Status, entry.OccurredAt, entry.RestatedBy);
}

/// <summary>From the entries about one purpose to the answer that holds; the order in which they came does not matter.</summary>
internal static class Fold
{
    /// <summary>The entry that decides for a channel, of all profiles of one person; null: never asked.</summary>
    public static Mark? Latest(IReadOnlyList<Mark> marks, string channel)
    {
        Mark? latest = null;
        foreach (var mark in Decisions(marks))
        {
            if ((mark.Channel == channel || mark.Channel == Channels.Any) && (latest is not { } best || Order(mark, best) > 0))
            {
                latest = mark;
            }
        }

        return latest;
    }

    public static ConsentAnswer Answer(Mark? latest) => latest is not { } mark
        ? ConsentAnswer.NeverAsked
        : new ConsentAnswer(mark.Status == ConsentStatus.Granted, mark.Status, mark.Seq, $"consent.{Words.Of(mark.Status)}");

    /// <summary>Leaves out what only says again what the same one had said before.</summary>
    public static IEnumerable<Mark> Decisions(IReadOnlyList<Mark> marks)
    {
        if (marks.All(mark => mark.RestatedBy is null))
        {
            return marks;
        }

        return marks
            .GroupBy(mark => mark.RestatedBy is null ? (mark.Seq, "", "") : (-mark.ProfileId, mark.RestatedBy, mark.Channel))
            .SelectMany(said => FirstOfEachRun(said.OrderBy(mark => mark, Comparer<Mark>.Create(Order))));
    }

    private static IEnumerable<Mark> FirstOfEachRun(IEnumerable<Mark> inOrder)
    {
        ConsentStatus? before = null;
        foreach (var mark in inOrder)
        {
            if (mark.Status != before)
            {
                yield return mark;
            }

            before = mark.Status;
        }
    }

    private static int Order(Mark one, Mark other) =>
        (one.OccurredAt, (int)one.Status, one.Seq).CompareTo((other.OccurredAt, (int)other.Status, other.Seq));
}
