using System.Collections.Concurrent;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Platform.Logs;

/// <summary>Wakes followers when a log has grown.</summary>
internal sealed class LogSignal
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _waiting = new();

    public LogSignal(IStore store) => store.LogsGrew += Wake;

    /// <summary>Completes at the next growth of the log. Take it before reading, so that nothing is missed between.</summary>
    public Task NextGrowth(string log) =>
        _waiting.GetOrAdd(log, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private void Wake(IReadOnlyCollection<string> logs)
    {
        foreach (var log in logs)
        {
            if (_waiting.TryRemove(log, out var waiting))
            {
                waiting.TrySetResult();
            }
        }
    }
}
