using System.Collections.Concurrent;
using CdpMonolith.Activation.Rules;
using Polly;
using Polly.CircuitBreaker;

namespace CdpMonolith.Activation.Deliver;

/// <summary>
/// A circuit breaker for each destination, and how long each asked to be left alone. While a circuit is open nothing is sent; then
/// one message tries whether the destination is back. Kept in memory: after a restart we simply try.
/// </summary>
internal sealed class Breakers(TimeProvider clock)
{
    private static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<long, Breaker> _breakers = new();

    /// <summary>Until when nothing may be sent, Unix ms; null: now is fine.</summary>
    public long? HeldUntil(long destinationId) =>
        _breakers.TryGetValue(destinationId, out var breaker) && breaker.HeldUntil > clock.GetUtcNow().ToUnixTimeMilliseconds()
            ? breaker.HeldUntil
            : null;

    public bool IsClosed(long destinationId) =>
        !_breakers.TryGetValue(destinationId, out var breaker) || breaker.State.CircuitState == CircuitState.Closed;

    /// <summary>It does not answer, or asked for a rest: nothing is sent to it now but a try.</summary>
    public bool IsHeld(long destinationId) => !IsClosed(destinationId) || HeldUntil(destinationId) is not null;

    /// <summary>Runs a try. Null when the circuit is open: then nothing was sent.</summary>
    public async Task<Verdict?> RunAsync(long destinationId, Func<CancellationToken, Task<Verdict>> attempt, CancellationToken ct)
    {
        var breaker = _breakers.GetOrAdd(destinationId, _ => new Breaker(clock));
        try
        {
            var verdict = await breaker.Pipeline.ExecuteAsync(async token => await attempt(token), ct);
            if (verdict is { Next: Next.Retry, Reason: Reasons.Throttled or Reasons.Unavailable, Asked: { } asked })
            {
                breaker.HeldUntil = (clock.GetUtcNow() + asked).ToUnixTimeMilliseconds();
            }

            return verdict;
        }
        catch (BrokenCircuitException refused)
        {
            breaker.HeldUntil = Math.Max(
                breaker.HeldUntil, (clock.GetUtcNow() + (refused.RetryAfter ?? OpenFor)).ToUnixTimeMilliseconds());
            return null;
        }
    }

    /// <summary>A user has looked after the destination: we try at once.</summary>
    public void Reset(long destinationId) => _breakers.TryRemove(destinationId, out _);

    private sealed class Breaker
    {
        private long _heldUntil;

        public Breaker(TimeProvider clock)
        {
            Pipeline = new ResiliencePipelineBuilder<Verdict> { TimeProvider = clock }
                .AddCircuitBreaker(new CircuitBreakerStrategyOptions<Verdict>
                {
                    FailureRatio = 0.5,
                    MinimumThroughput = 8,
                    SamplingDuration = TimeSpan.FromSeconds(30),
                    BreakDuration = OpenFor,
                    StateProvider = State,
                    ShouldHandle = args => ValueTask.FromResult(args.Outcome.Result is { Next: Next.Retry }),
                })
                .Build();
        }

        public CircuitBreakerStateProvider State { get; } = new();

        public ResiliencePipeline<Verdict> Pipeline { get; }

        public long HeldUntil
        {
            get => Interlocked.Read(ref _heldUntil);
            set => Interlocked.Exchange(ref _heldUntil, value);
        }
    }
}
