namespace CdpMonolith;

/// <summary>Names the shell's texts, Texts.resx and its translations, for <c>IStringLocalizer&lt;Texts&gt;</c>.</summary>
internal sealed class Texts;
