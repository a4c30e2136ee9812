using System.Diagnostics.CodeAnalysis;

namespace CdpMonolith.Platform;

/// <summary>Why something asked for was refused: an expected answer, not a fault.</summary>
/// <param name="Code">Stable and made for programs: <c>thing.what</c>, such as <c>source.name_taken</c>.</param>
/// <param name="Message">One English sentence for people, saying what to do.</param>
/// <param name="Field">The field of the request that it is about, in camelCase; null when it is about the whole.</param>
public sealed record Problem(string Code, string Message, string? Field = null);

/// <summary>Either what was asked for or the <see cref="Problem"/> that stands in the way.</summary>
public readonly struct Outcome<T> where T : notnull
{
    private readonly T? _value;

    private Outcome(T? value, Problem? problem) => (_value, Problem) = (value, problem);

    /// <summary>Null when the request was met.</summary>
    public Problem? Problem { get; }

    /// <summary>True when the request was met; then <paramref name="value"/> is what was asked for.</summary>
    public bool Met([NotNullWhen(true)] out T? value)
    {
        value = _value;
        return Problem is null;
    }

    /// <summary>What was asked for.</summary>
    /// <exception cref="InvalidOperationException">It was refused.</exception>
    public T Value => Problem is null ? _value! : throw new InvalidOperationException($"Refused: {Problem.Code}");

    public TResult Match<TResult>(Func<T, TResult> met, Func<Problem, TResult> refused) =>
        Problem is null ? met(_value!) : refused(Problem);

    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Problem problem) => new(default, problem);
}
