using System.Buffers;
using CdpMonolith.Consent.Contracts;

namespace CdpMonolith.Segmentation.Audience;

/// <summary>The consent ledger as columns: for each purpose and channel who decided what, when.</summary>
internal sealed class Consents : IDisposable
{
    private readonly Dictionary<(string Purpose, string Channel), Decisions> _decisions = [];

    /// <summary>The last entry that is in here.</summary>
    public long Seq { get; private set; }

    public long MemoryBytes => _decisions.Values.Sum(decisions => decisions.MemoryBytes);

    public void Add(ConsentEntry entry)
    {
        if (entry.Seq <= Seq)
        {
            return;
        }

        Seq = entry.Seq;
        if (!_decisions.TryGetValue((entry.Purpose, entry.Channel), out var decisions))
        {
            _decisions.Add((entry.Purpose, entry.Channel), decisions = new Decisions());
        }

        decisions.Add(entry);
    }

    /// <summary>
    /// Puts into <paramref name="latest"/>, by canonical profile, the status that holds for a purpose and channel; 0 where nobody
    /// was asked. A decision for the channel and one for any channel both count, the latest holds.
    /// </summary>
    /// <param name="latest">Zeros at first.</param>
    /// <param name="asOf">Decisions after it do not count, Unix ms.</param>
    public void Latest(string purpose, string channel, long asOf, ReadOnlySpan<int> canonical, Span<byte> latest)
    {
        var times = ArrayPool<long>.Shared.Rent(latest.Length);
        var seqs = ArrayPool<long>.Shared.Rent(latest.Length);
        try
        {
            foreach (var of in new HashSet<string> { channel, Channels.Any })
            {
                if (_decisions.TryGetValue((purpose, of), out var decisions))
                {
                    decisions.Fold(asOf, canonical, latest, times, seqs);
                }
            }
        }
        finally
        {
            ArrayPool<long>.Shared.Return(times);
            ArrayPool<long>.Shared.Return(seqs);
        }
    }

    public void Dispose()
    {
        foreach (var decisions in _decisions.Values)
        {
            decisions.Dispose();
        }
    }

    private sealed class Decisions : IDisposable
    {
        private readonly Block<Row> _rows = new();
        private readonly Dictionary<(int Profile, string RestatedBy), List<int>> _restated = [];

        public long MemoryBytes => _rows.MemoryBytes + (120L * _restated.Count);

        public void Dispose() => _rows.Dispose();

        public void Add(ConsentEntry entry)
        {
            _rows.Add(new Row((int)entry.ProfileId, entry.OccurredAt, entry.Seq, (byte)entry.Status, Counts: true));
            if (entry.RestatedBy is { } teller)
            {
                AddRestated((int)entry.ProfileId, teller);
            }
        }

        public void Fold(long asOf, ReadOnlySpan<int> canonical, Span<byte> latest, long[] times, long[] seqs)
        {
            foreach (ref readonly var row in _rows.Span)
            {
                if (!row.Counts || row.Time > asOf || (uint)row.Profile >= (uint)canonical.Length)
                {
                    continue;
                }

                var person = canonical[row.Profile];
                ref var held = ref latest[person];
                if (held == 0 || row.HoldsOver(times[person], held, seqs[person]))
                {
                    held = row.Status;
                    times[person] = row.Time;
                    seqs[person] = row.Seq;
                }
            }
        }

        /// <summary>What is only said again does not count: of a row of equal entries by the same teller the earliest does.</summary>
        private void AddRestated(int profile, string teller)
        {
            if (!_restated.TryGetValue((profile, teller), out var chain))
            {
                _restated.Add((profile, teller), chain = []);
            }

            chain.Add(_rows.Length - 1);
            chain.Sort((a, b) =>
                (_rows[a].Time, _rows[a].Status, _rows[a].Seq).CompareTo((_rows[b].Time, _rows[b].Status, _rows[b].Seq)));
            var before = 0;
            foreach (var row in chain)
            {
                _rows[row] = _rows[row] with { Counts = _rows[row].Status != before };
                before = _rows[row].Status;
            }
        }

        [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Pack = 4)]
        private readonly record struct Row(int Profile, long Time, long Seq, byte Status, bool Counts)
        {
            /// <summary>As <see cref="ConsentEntry.HoldsOver"/>.</summary>
            public bool HoldsOver(long time, byte status, long seq) =>
                Time != time ? Time > time : Status != status ? Status > status : Seq > seq;
        }
    }
}
