using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>Keeps the tables of values from batch to batch; whoever changes one moves the version of the graph.</summary>
internal sealed class KnownStandards
{
    private (long Version, Standards Standards)? _known;

    public Standards At(ReadSession read, long version)
    {
        if (_known is not { } known || known.Version != version)
        {
            _known = known = (version, ValueStore.Standards(read));
        }

        return known.Standards;
    }

    public void Clear() => _known = null;
}
