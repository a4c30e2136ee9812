namespace CdpMonolith.Activation;

/// <summary>Names the module's texts, Texts.resx and its translations, for <c>IStringLocalizer&lt;Texts&gt;</c>.</summary>
public sealed class Texts;
