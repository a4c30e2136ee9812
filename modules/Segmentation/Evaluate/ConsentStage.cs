using CdpMonolith.Consent.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Segmentation.Audience;

namespace CdpMonolith.Segmentation.Evaluate;

/// <summary>Feeds the columns from the consent ledger and asks the segments that go by consents.</summary>
internal sealed class ConsentStage(IConsent consent, AudienceColumns columns, Evaluator evaluator) : Stage<ConsentEntry>
{
    public override string Name => "segmentation.consent";

    public override string Follows => IConsent.Log;

    public override int BatchSize => 4000;

    public override void Forget() => evaluator.NoteAll();

    public override void StartOver() => evaluator.StartOver();

    protected override IReadOnlyList<ConsentEntry> Read(long after, int limit) =>
        columns.Load() ? consent.Read(after, limit) : [];

    protected override Action<WriteSession>? Decide(IReadOnlyList<ConsentEntry> entries)
    {
        evaluator.Note(columns.Take(entries));
        return evaluator.Evaluate();
    }
}
