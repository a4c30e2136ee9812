using CdpMonolith.Ingestion.Contracts;
using CdpMonolith.Profiles.Contracts;

namespace CdpMonolith.Profiles.Rules;

/// <summary>What an event says of who somebody is.</summary>
/// <param name="Event">The event, for its seq, time, source and flags.</param>
/// <param name="Identifiers">Those that point to a person, strongest first, each once; empty: nobody can be told.</param>
/// <param name="Traits">What an identify call says of the person, sorted by name.</param>
internal readonly record struct Call(Event Event, Identifier[] Identifiers, Trait[] Traits);
