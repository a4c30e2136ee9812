using System.ComponentModel.DataAnnotations;

namespace CdpMonolith.Activation.Rules;

/// <summary>Settings of Activation, section <c>Activation</c>.</summary>
internal sealed class ActivationOptions
{
    public const string Section = "Activation";

    /// <summary>Lets every destination have an address on this machine or its network. Else each destination has a switch of its own.</summary>
    public bool AllowPrivateNetworks { get; set; }

    /// <summary>How long a destination may take to answer, in seconds.</summary>
    [Range(0.05, 120)]
    public double TimeoutSeconds { get; set; } = 30;

    /// <summary>How long a destination may take to accept a connection, in seconds.</summary>
    [Range(0.05, 60)]
    public double ConnectTimeoutSeconds { get; set; } = 10;

    /// <summary>Requests under way to one destination at the same time.</summary>
    [Range(1, 64)]
    public int Concurrency { get; set; } = 8;
}
