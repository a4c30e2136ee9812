using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace CdpMonolith;

/// <summary>Asks every module whether its settings can be, before anything is opened.</summary>
internal static partial class Settings
{
    /// <exception cref="WrongSettingsException">Some cannot.</exception>
    public static void Check(IServiceProvider services)
    {
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
        }
        catch (OptionsValidationException wrong)
        {
            throw new WrongSettingsException(Said(wrong));
        }
        catch (AggregateException several) when (several.InnerExceptions.All(each => each is OptionsValidationException))
        {
            throw new WrongSettingsException(several.InnerExceptions.Cast<OptionsValidationException>().SelectMany(Said));
        }
        catch (InvalidOperationException fault) when (Unreadable().Match(fault.Message) is { Success: true } told)
        {
            throw new WrongSettingsException([$"{told.Groups["name"].Value} must be {KindOf(told.Groups["type"].Value)}."]);
        }
    }

    private static IEnumerable<string> Said(OptionsValidationException wrong)
    {
        var section = (string?)wrong.OptionsType.GetField("Section")?.GetRawConstantValue();
        return wrong.Failures.Select(failure => Said(failure, section));
    }

    /// <summary>What an attribute says of a field, said of the setting as one types it; a sentence of our own stays as it is.</summary>
    private static string Said(string failure, string? section)
    {
        if (Annotated().Match(failure) is not { Success: true } told)
        {
            return failure;
        }

        var (name, what) = (told.Groups["name"].Value, told.Groups["what"].Value);
        return what.Replace($"The field {name} ", $"{section}:{name} ", StringComparison.Ordinal);
    }

    private static string KindOf(string type) => type switch
    {
        "System.Boolean" => "true or false",
        "System.Int32" or "System.Int64" => "a whole number",
        "System.Double" or "System.Decimal" => "a number",
        "System.TimeSpan" => "a length of time, such as 30.00:00:00 for 30 days",
        _ => "one of the values that are known",
    };

    [GeneratedRegex("^DataAnnotation validation failed for '.*?' members: '(?<name>[^']*)' with the error: '(?<what>.*)'\\.$", RegexOptions.Singleline)]
    private static partial Regex Annotated();

    [GeneratedRegex("at '(?<name>[^']+)' to type '(?<type>[^']+)'")]
    private static partial Regex Unreadable();
}

/// <summary>The program cannot run with these settings.</summary>
internal sealed class WrongSettingsException(IEnumerable<string> sentences) : Exception(string.Join(Environment.NewLine, sentences.Order(StringComparer.Ordinal)));
