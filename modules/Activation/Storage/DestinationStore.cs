using System.Text.Json;
using CdpMonolith.Platform.Store;

namespace CdpMonolith.Activation.Storage;

/// <summary>A tool that receives.</summary>
/// <param name="Settings">As the kind describes them; secrets are protected.</param>
/// <param name="Active">False: nothing is sent, deliveries wait.</param>
/// <param name="StopCode">Why we stopped it ourselves; null when a user paused it or it is active.</param>
internal sealed record Destination(
    long Id, string Kind, string Name, IReadOnlyDictionary<string, string> Settings, bool Active, string? StopCode, long? StopStatus,
    long? StoppedAt, long CreatedAt)
{
    public string? Setting(string key) => Settings.GetValueOrDefault(key);
}

internal sealed class DestinationStore(IStore store)
{
    private const string Columns = """
        SELECT id          AS Id,
               kind        AS Kind,
               name        AS Name,
               settings    AS Settings,
               active      AS Active,
               stop_code   AS StopCode,
               stop_status AS StopStatus,
               stopped_at  AS StoppedAt,
               created_at  AS CreatedAt
        FROM   activation_destination
        """;

    private const string All = $"{Columns} ORDER BY LOWER(name)";

    private const string ById = $"{Columns} WHERE id = @id";

    private const string Insert = """
        INSERT INTO activation_destination (id, kind, name, settings, active, created_at) VALUES (@id, @kind, @name, @settings, 1, @now)
        ON CONFLICT DO NOTHING
        """;

    private const string Update = "UPDATE activation_destination SET name = @name, settings = @settings WHERE id = @id";

    private const string NameTaken = "SELECT COUNT(*) FROM activation_destination WHERE LOWER(name) = LOWER(@name) AND id <> @id";

    private const string SetActive = """
        UPDATE activation_destination
        SET    active = 1, stop_code = NULL, stop_status = NULL, stopped_at = NULL
        WHERE  id = @id AND active = 0
        """;

    private const string SetStopped = """
        UPDATE activation_destination
        SET    active = 0, stop_code = @code, stop_status = @status, stopped_at = @now
        WHERE  id = @id AND active = 1
        """;

    private const string Remove = """
        DELETE FROM activation_destination
        WHERE  id = @id AND NOT EXISTS (SELECT 1 FROM activation_sync WHERE destination_id = @id)
        """;

    public Task<IReadOnlyList<Destination>> ListAsync(CancellationToken ct) =>
        store.ReadAsync<IReadOnlyList<Destination>>(read => [.. read.Query<Row>(All).Select(row => row.Read())], ct);

    public Task<Destination?> FindAsync(long id, CancellationToken ct) => store.ReadAsync(read => Find(read, id), ct);

    public Destination? Find(ReadSession read, long id) => read.FirstOrDefault<Row>(ById, new { id })?.Read();

    /// <summary>Null when the name is taken.</summary>
    public long? Add(WriteSession write, string kind, string name, IReadOnlyDictionary<string, string> settings, long now)
    {
        var id = write.NextSeq("activation.destination_id");
        if (write.Execute(Insert, new { id, kind, name, settings = JsonSerializer.Serialize(settings), now }) == 0)
        {
            return null;
        }

        write.Advance("activation.destination_id", 1);
        return id;
    }

    /// <summary>False when the name is taken.</summary>
    public bool Change(WriteSession write, long id, string name, IReadOnlyDictionary<string, string> settings)
    {
        if (write.Scalar<long>(NameTaken, new { id, name }) > 0)
        {
            return false;
        }

        write.Execute(Update, new { id, name, settings = JsonSerializer.Serialize(settings) });
        return true;
    }

    /// <summary>False when it was active already.</summary>
    public bool Activate(WriteSession write, long id) => write.Execute(SetActive, new { id }) == 1;

    /// <param name="code">Null: a user paused it.</param>
    /// <returns>False when it was stopped already.</returns>
    public bool Stop(WriteSession write, long id, string? code, int? status, long now) =>
        write.Execute(SetStopped, new { id, code, status = (long?)status, now }) == 1;

    /// <summary>False when a sync still uses it.</summary>
    public bool Delete(WriteSession write, long id) => write.Execute(Remove, new { id }) == 1;

    private sealed record Row(
        long Id, string Kind, string Name, string Settings, long Active, string? StopCode, long? StopStatus, long? StoppedAt,
        long CreatedAt)
    {
        public Destination Read() => new(
            Id, Kind, Name, JsonSerializer.Deserialize<Dictionary<string, string>>(Settings)!, Active == 1, StopCode, StopStatus,
            StoppedAt, CreatedAt);
    }
}
