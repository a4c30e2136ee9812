namespace CdpMonolith.Ingestion.Contracts;

/// <summary>Where calls come from.</summary>
/// <param name="Kind">What kind of thing it is; decides which set-up help its page gives.</param>
/// <param name="WriteKey">The public token that names it in a call.</param>
/// <param name="CreatedAt">Unix ms.</param>
/// <param name="LastEventAt">When we last accepted one of its events, Unix ms; null: never.</param>
public sealed record Source(
    long Id, string Name, SourceKind Kind, string WriteKey, bool Enabled, long CreatedAt, long? LastEventAt)
{
    public SourceSettings Settings { get; init; } = SourceSettings.Default;
}

/// <summary>What administrators set of a source.</summary>
/// <param name="Country">Where phone numbers without a country belong, ISO 3166-1 alpha-2; null: as the installation says.</param>
/// <param name="Rate">Events a second that are taken, in the long run; 0: any number; null: as the installation says.</param>
/// <param name="KeepsIp">IP addresses stay whole; else they lose their last part before they are stored.</param>
/// <param name="Origins">
/// Websites that browsers may send from, such as <c>https://shop.example</c> or <c>https://*.shop.example</c>; empty: any.
/// </param>
/// <param name="TimeZone">Of times in files that name none, IANA name such as <c>Europe/Oslo</c>; null: UTC.</param>
/// <param name="Consent">
/// The purpose that a call must say the person agreed to, or it is not stored; null: none is needed.
/// </param>
public sealed record SourceSettings(
    string? Country, long? Rate, bool KeepsIp, IReadOnlyList<string> Origins, string? TimeZone, string? Consent)
{
    public static readonly SourceSettings Default = new(null, null, KeepsIp: false, [], null, null);
}

/// <summary>Whether a source still sends.</summary>
/// <param name="LastEventAt">Unix ms; null: nothing ever came.</param>
/// <param name="UsualHours">
/// The longest silence that is usual, in hours: the third longest of the last four weeks, which leaves out two mishaps and keeps nights and
/// weekends. Null: it has been watched for less than a week.
/// </param>
/// <param name="IsQuiet">It is silent for much longer than usual.</param>
public sealed record SourceHealth(long? LastEventAt, int? UsualHours, bool IsQuiet);

/// <summary>Kinds of source. Stored by name.</summary>
public enum SourceKind
{
    Website,
    App,
    Server,
    File,
    Shopify,
    WooCommerce,
    Webhook,
    Form,
}

/// <summary>The sources, for modules that show or name them.</summary>
public interface ISources
{
    Task<IReadOnlyList<Source>> ListAsync(CancellationToken ct);

    /// <summary>Name of a source, from memory; its number when it is not known.</summary>
    string NameOf(long sourceId);
}

/// <summary>Where what a source sends is at home: how a phone number without a country is read.</summary>
public interface ISourceCountries
{
    /// <summary>Of the installation, ISO 3166-1 alpha-2; null: none is set.</summary>
    string? Default { get; }

    /// <summary>Of one source, ISO 3166-1 alpha-2; null: not known. From memory.</summary>
    string? Of(long sourceId);
}

/// <summary>What the door has seen, for reports.</summary>
/// <param name="Events">Events in the log.</param>
/// <param name="Duplicates">Calls that were already there.</param>
/// <param name="Quarantined">Calls put aside now.</param>
public sealed record IngestionFacts(long Events, long Duplicates, int Quarantined);

/// <summary>Figures of ingestion.</summary>
public interface IIngestionReport
{
    Task<IngestionFacts> FactsAsync(CancellationToken ct);

    /// <summary>Sources that have not been heard for much longer than usual, in the order of their ids.</summary>
    IReadOnlyList<Source> Quiet();
}
