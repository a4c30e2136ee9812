using System.Text;
using System.Text.Json;
using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Platform.Logs;
using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Contracts;
using CdpMonolith.Profiles.Rules;
using CdpMonolith.Profiles.Unify;
using CdpMonolith.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace CdpMonolith.Tests.Profiles;

/// <summary>Events that a test made, in the order in which it gave them.</summary>
internal sealed class MadeEvents : IEventLog
{
    private readonly List<Event> _events = [];

    public void Add(Event made) => _events.Add(made with { Seq = _events.Count + 1 });

    public IReadOnlyList<Event> Read(long after, int limit) => [.. _events.Skip((int)after).Take(limit)];

    public IReadOnlyList<Event> Read(IReadOnlyList<long> seqs) => [.. seqs.Select(seq => _events[(int)seq - 1])];
}

/// <summary>Unification on a real store, fed with made events, one batch at a time.</summary>
internal sealed class UnifyTest : IAsyncDisposable
{
    private readonly Dictionary<long, long> _canonical = [];
    private readonly HashSet<long> _traitsRead = [];
    private long _cursor;
    private long _followedTo;
    private long _lastProfile;

    public UnifyTest(Action<ProfilesOptions>? limits = null, TempFolder? folder = null, MadeEvents? events = null)
    {
        Events = events ?? new MadeEvents();
        Test = new TestStore(
            services =>
            {
                services.AddSingleton<IEventLog>(Events);
                if (limits is not null)
                {
                    services.Configure(limits);
                }
            },
            folder);
        Stage = Test.Get<UnifyStage>();
    }

    public MadeEvents Events { get; }

    /// <summary>Events in a batch.</summary>
    public int Limit { get; init; } = 2000;

    public TestStore Test { get; }

    public UnifyStage Stage { get; }

    public IProfiles Profiles => Test.Get<IProfiles>();

    public Unmerging Unmerging => Test.Get<Unmerging>();

    public static Event Call(
        CallType type, string? userId = null, string? anonymousId = null, long at = 0, long source = 1, object? body = null, EventFlags flags = EventFlags.None) =>
        new(0, source, type, Guid.NewGuid().ToString(), userId, anonymousId, type == CallType.Track ? "Product Viewed" : null, at, null, at, flags, null,
            JsonSerializer.SerializeToUtf8Bytes(body ?? new { }));

    public static Event Identify(string? userId = null, string? anonymousId = null, object? traits = null, long at = 0, long source = 1) =>
        Call(CallType.Identify, userId, anonymousId, at, source, new { traits });

    public static Event Track(string? userId = null, string? anonymousId = null, long at = 0, string? email = null) =>
        Call(CallType.Track, userId, anonymousId, at, 1, email is null ? null : new { context = new { traits = new { email } } });

    /// <summary>Gives the events to the stage as one batch and commits what it decides.</summary>
    public async Task TakeAsync(params Event[] calls)
    {
        foreach (var call in calls)
        {
            Events.Add(call);
        }

        while (Decide() is { } batch)
        {
            await CommitAsync(batch);
        }
    }

    /// <summary>What the stage would write for the events that it has not taken; null when there are none.</summary>
    public (Action<WriteSession>? Write, long LastSeq)? Decide() =>
        ((IStage)Stage).Next(_cursor, Limit) is { } batch ? (batch.Decide(), batch.LastSeq) : null;

    public async Task CommitAsync((Action<WriteSession>? Write, long LastSeq) batch)
    {
        await Test.Store.WriteAsync(write => batch.Write?.Invoke(write), default);
        Stage.Committed();
        _cursor = batch.LastSeq;
        Follow();
    }

    public async Task<Person> PersonAsync(string type, string value) =>
        await Profiles.FindAsync(new Identifier(type, value), default) ?? throw new InvalidOperationException($"Nobody has {type} {value}.");

    public async Task<string> TraitsAsync(string type, string value) =>
        Encoding.UTF8.GetString((await PersonAsync(type, value)).Golden.Traits);

    /// <summary>Everybody as "identifiers → golden record", in an order that does not depend on ids.</summary>
    /// <param name="mark">Only identifiers with this in their value, and without it.</param>
    public IReadOnlyList<string> People(string mark = "")
    {
        var rows = Test.Store.Read(read => read.Query<(string Type, string Value, long Canonical, string? Traits)>("""
            SELECT p.type, p.value, p.canonical_id, g.traits
            FROM   profiles_profile AS p
            LEFT   JOIN profiles_golden AS g ON g.profile_id = p.canonical_id
            """).ToList());
        return
        [
            .. rows.Where(row => row.Value.Contains(mark, StringComparison.Ordinal))
                .GroupBy(row => (row.Canonical, row.Traits))
                .Select(person => string.Join(' ', person.Select(row => $"{row.Type}:{Unmarked(row.Value, mark)}").Order(StringComparer.Ordinal))
                    + " → " + Unmarked(person.Key.Traits ?? "{}", mark))
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>The figures kept with every change, and the same counted anew.</summary>
    public Task<(ProfileFacts Kept, ProfileFacts Counted)> FactsAsync() => FactsAsync(Test);

    public static async Task<(ProfileFacts Kept, ProfileFacts Counted)> FactsAsync(TestStore test)
    {
        var counted = test.Store.Read(read => new ProfileFacts(
            read.Scalar<long>("SELECT COUNT(DISTINCT canonical_id) FROM profiles_profile WHERE type <> 'anonymous_id'"),
            read.Scalar<long>("""
                SELECT COUNT(DISTINCT canonical_id) FROM profiles_profile
                WHERE canonical_id NOT IN (SELECT canonical_id FROM profiles_profile WHERE type <> 'anonymous_id')
                """),
            read.Scalar<long>("SELECT COUNT(*) FROM profiles_link WHERE state = 1"),
            read.Scalar<long>("SELECT COUNT(*) FROM profiles_link WHERE state = 2")));
        return (await test.Get<IProfiles>().FactsAsync(default), counted);
    }

    /// <summary>What a follower of the change log believes: profile to person, and the people whose traits it would read.</summary>
    public (IReadOnlyDictionary<long, long> Canonical, IReadOnlySet<long> TraitsRead) Followed()
    {
        Follow();
        return (_canonical, _traitsRead);
    }

    /// <summary>Takes what has come, as a follower does: first the profiles that were born, then the changes.</summary>
    private void Follow()
    {
        var changes = Profiles.ReadChanges(_followedTo, int.MaxValue);
        if (changes.Count == 0)
        {
            return;
        }

        foreach (var born in Profiles.PointersAfter(_lastProfile, int.MaxValue))
        {
            _canonical[born.ProfileId] = born.CanonicalId;
            _lastProfile = born.ProfileId;
        }

        foreach (var change in changes)
        {
            _followedTo = change.Seq;
            if (change.Kind == ProfileChangeKind.CanonicalChanged)
            {
                _canonical[change.ProfileId] = change.CanonicalId!.Value;
            }

            if (change.TraitsChangedOf is { } person)
            {
                _traitsRead.Add(person);
            }
        }
    }

    public ValueTask DisposeAsync() => Test.DisposeAsync();

    private static string Unmarked(string text, string mark) => mark == "" ? text : text.Replace(mark, "", StringComparison.Ordinal);
}
