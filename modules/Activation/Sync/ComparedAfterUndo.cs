using CdpMonolith.Activation.Storage;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Sync;

/// <summary>
/// When an import was undone, consents may be gone that nobody took back: every running sync is compared with what its destination
/// was told, and who may not be reached any more leaves it. Who left a segment does so by the membership-change log.
/// </summary>
internal sealed class ComparedAfterUndo(SyncStore syncs) : ITakesBack
{
    public void TakeBack(WriteSession write, UndoneEvents undone)
    {
    }

    public void End(WriteSession write) => syncs.CompareFromTheStart(write);
}
