using CdpMonolith.Platform.Store;

namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Events of an import that is being undone; they are still in the log.</summary>
/// <param name="Events">In the order of the log; a piece of what the import brought.</param>
public sealed record UndoneEvents(long ImportId, IReadOnlyList<Event> Events);

/// <summary>
/// A floor that made something of events gives it up when the import that brought them is undone. Registered by the upper floors,
/// asked by Ingestion from the top floor down.
/// </summary>
public interface ITakesBack
{
    /// <summary>
    /// In the write lane, in the transaction in which the events go: what follows from the remaining events of all imports but this
    /// one is put in the place of what followed from these too. Every follower of the event log has taken them before.
    /// </summary>
    void TakeBack(WriteSession write, UndoneEvents undone);

    /// <summary>In the write lane, in the transaction that ends the undo.</summary>
    void End(WriteSession write)
    {
    }
}

/// <summary>Whether an import is being undone, for those who must not look at what is half undone.</summary>
public interface IUndos
{
    /// <summary>True from the transaction that takes back the first events to the one that ends the undo, over crashes too.</summary>
    bool IsTakingBack();
}
