using System.Globalization;
using System.Net;
using System.Text;
using CdpMonolith.Ingestion.Rules;
using CdpMonolith.Platform.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Localization;

namespace CdpMonolith.Ingestion.Endpoints;

/// <summary>A hosted form as HTML: no script, nothing from elsewhere, and small.</summary>
internal sealed class FormPage(IStringLocalizer<Texts> texts)
{
    /// <summary>The field that people do not see.</summary>
    public const string Trap = "website";

    private const string Style = """
        :root{--ink:#16202a;--soft:#46535f;--line:#cbd3db;--paper:#f6f7f9;--surface:#fff;--accent:#0f766e;--on:#fff;--bad:#b42318}
        @media (prefers-color-scheme:dark){:root:not(.frame){--ink:#e6ebef;--soft:#a5b1bc;--line:#3a4853;--paper:#0f1519;--surface:#171f25;--accent:#2dbfae;--on:#06231f;--bad:#f2857b;color-scheme:dark}}
        *{box-sizing:border-box}
        body{margin:0;padding:24px 16px 48px;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans Thai",sans-serif}
        .frame body{padding:4px;background:transparent}
        main{max-width:620px;margin:0 auto;padding:28px 32px 32px;background:var(--surface);border:1px solid var(--line);border-radius:12px}
        .frame main{max-width:none;border:0;padding:8px;background:transparent}
        @media (max-width:480px){main{padding:20px 18px 24px}}
        h1{margin:0 0 8px;font-size:24px;line-height:1.25;overflow-wrap:anywhere}
        p{margin:0 0 16px;color:var(--soft);white-space:pre-line;overflow-wrap:anywhere}
        form{display:grid;gap:20px;margin-top:20px}
        fieldset{margin:0;padding:0;border:0;min-width:0}
        label.q,legend{display:block;padding:0;margin-bottom:6px;font-weight:600;overflow-wrap:anywhere}
        .must{color:var(--bad)}
        input.in,textarea,select{width:100%;padding:10px 12px;font:inherit;color:inherit;background:var(--surface);border:1px solid var(--line);border-radius:8px}
        textarea{min-height:110px;resize:vertical}
        [aria-invalid=true]{border-color:var(--bad)}
        .fault{margin:6px 0 0;color:var(--bad);font-size:14px}
        .pick{display:flex;gap:10px;align-items:flex-start;padding:6px 0}
        .pick input,.box input{margin:5px 0 0;accent-color:var(--accent);flex:none}
        .rated{display:inline-block;max-width:100%}
        .scale{display:flex;flex-wrap:wrap;gap:6px}
        .scale label{position:relative}
        .scale input{position:absolute;opacity:0;inset:0;margin:0;width:100%;height:100%;cursor:pointer}
        .scale span{display:block;min-width:42px;padding:9px 0;text-align:center;border:1px solid var(--line);border-radius:8px}
        .scale input:checked+span{background:var(--accent);border-color:var(--accent);color:var(--on)}
        .scale input:focus-visible+span,input:focus-visible,textarea:focus-visible,select:focus-visible,button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
        .ends{display:flex;justify-content:space-between;gap:12px;margin-top:6px;font-size:13px;color:var(--soft)}
        .box{display:flex;gap:10px;align-items:flex-start;color:var(--soft)}
        .box span{overflow-wrap:anywhere;min-width:0}
        .notice{padding:10px 14px;margin:16px 0 0;border:1px solid var(--bad);border-radius:8px;color:var(--bad)}
        button{justify-self:start;padding:11px 22px;font:inherit;font-weight:600;color:var(--on);background:var(--accent);border:0;border-radius:8px;cursor:pointer}
        .off{position:absolute;left:-9999px;width:1px;height:1px;overflow:hidden}
        """;

    /// <summary>Why a form that was sent is shown again.</summary>
    internal enum Trouble
    {
        Faults,
        Empty,
        Robot,
        Later,
        TooLarge,
        NotAForm,
    }

    public async Task WriteAsync(HttpContext http, int status, bool inFrame, (string Language, string Title, string Body) page)
    {
        var nonce = SecurityHeaders.NonceOf(http);
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'self'; {SecurityHeaders.AnyFrame}";
        var html = $"""
            <!doctype html>
            <html lang="{E(page.Language)}"{(inFrame ? " class=\"frame\"" : "")}>
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>{E(page.Title)}</title><style nonce="{nonce}">{Style}</style></head>
            <body><main>{page.Body}</main></body>
            </html>
            """;
        await response.WriteAsync(html, http.RequestAborted);
    }

    public (string Language, string Title, string Body) Closed() =>
        (CultureInfo.CurrentUICulture.Name is { Length: > 0 } name ? name : "en", T("Form.Closed"), $"<h1>{E(T("Form.Closed"))}</h1><p>{E(T("Form.Closed.Text"))}</p>");

    public (string Language, string Title, string Body) Thanks(FormDefinition form) =>
        (form.Language, form.Title, $"<h1>{E(form.Title)}</h1><p role=\"status\">{E(form.Thanks.Length > 0 ? form.Thanks : T("Form.Thanks"))}</p>");

    /// <param name="filled">What stands in it.</param>
    /// <param name="faults">By question key or box.</param>
    public (string Language, string Title, string Body) Form(
        FormDefinition form, FormFilled filled, IReadOnlyDictionary<string, FormFault>? faults, Trouble? trouble)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<h1>{E(form.Title)}</h1>");
        if (form.Intro.Length > 0)
        {
            html.Append(CultureInfo.InvariantCulture, $"<p>{E(form.Intro)}</p>");
        }

        if (trouble is { } what)
        {
            html.Append(CultureInfo.InvariantCulture, $"<div class=\"notice\" role=\"alert\">{E(T($"Form.Trouble.{what}"))}</div>");
        }

        html.Append(CultureInfo.InvariantCulture, $"<form method=\"post\" accept-charset=\"utf-8\" novalidate><input type=\"hidden\" name=\"id\" value=\"{E(filled.Id)}\">");
        html.Append(Hidden("aid", filled.AnonymousId)).Append(Hidden("page", filled.Page));
        html.Append(CultureInfo.InvariantCulture, $"<div class=\"off\" aria-hidden=\"true\"><label>{E(T("Form.Trap"))}<input name=\"{Trap}\" tabindex=\"-1\" autocomplete=\"off\"></label></div>");
        var invalid = false;
        foreach (var field in form.Fields)
        {
            var fault = faults is not null && faults.TryGetValue(field.Key, out var found) ? found : (FormFault?)null;
            html.Append(Field(field, filled.ValuesOf(field.Key), fault, focus: fault is not null && !invalid));
            invalid |= fault is not null;
        }

        for (var n = 0; n < form.Consents.Count; n++)
        {
            var box = FormFilled.BoxOf(n);
            var fault = faults is not null && faults.TryGetValue(box, out var found) ? found : (FormFault?)null;
            html.Append(CultureInfo.InvariantCulture, $"<div><label class=\"box\"><input type=\"checkbox\" name=\"{box}\" value=\"yes\"{On("checked", filled.ValuesOf(box).Count > 0)}{Faulty(box, fault)}><span>{E(form.Consents[n].Wording)}{Must(form.Consents[n].Required)}</span></label>{Told(box, fault)}</div>");
        }

        html.Append(CultureInfo.InvariantCulture, $"<button>{E(form.Button)}</button></form>");
        return (form.Language, form.Title, html.ToString());
    }

    private string Field(FormField field, IReadOnlyList<string> values, FormFault? fault, bool focus)
    {
        var key = E(field.Key);
        var value = E(values.Count > 0 ? values[0] : "");
        var rest = $"id=\"q-{key}\" name=\"{key}\"{On("required", field.Required)}{On("autofocus", focus)}{Faulty(key, fault)}";
        var question = $"{E(field.Label)}{Must(field.Required)}";
        return field.Kind switch
        {
            FormFieldKind.LongText => Labelled($"<textarea {rest} maxlength=\"10000\">{value}</textarea>"),
            FormFieldKind.Choice or FormFieldKind.Choices when field.Picks.Count <= 7 || field.Kind == FormFieldKind.Choices => Grouped(
                string.Concat(field.Picks.Select(pick => $"<label class=\"pick\"><input type=\"{(field.Kind == FormFieldKind.Choices ? "checkbox" : "radio")}\" name=\"{key}\" value=\"{E(pick)}\"{On("checked", values.Contains(pick))}><span>{E(pick)}</span></label>"))),
            FormFieldKind.Choice => Labelled(
                $"<select {rest}><option value=\"\"></option>{string.Concat(field.Picks.Select(pick => $"<option{On("selected", values.Contains(pick))}>{E(pick)}</option>"))}</select>"),
            FormFieldKind.YesNo => Grouped(Scale(pick => T($"Form.{pick}"))),
            FormFieldKind.Rating => Grouped($"<div class=\"rated\">{Scale(pick => pick)}{Ends("Form.Rating.Low", "Form.Rating.High")}</div>"),
            FormFieldKind.Nps => Grouped($"<div class=\"rated\">{Scale(pick => pick)}{Ends("Form.Nps.Low", "Form.Nps.High")}</div>"),
            _ => Labelled($"<input class=\"in\" type=\"{TypeOf(field.Kind)}\"{Completes(field.Kind)} {rest} value=\"{value}\">"),
        };

        string Labelled(string input) => $"<div><label class=\"q\" for=\"q-{key}\">{question}</label>{input}{Told(key, fault)}</div>";

        string Grouped(string inputs) => $"<fieldset{Faulty(key, fault)}><legend>{question}</legend>{inputs}{Told(key, fault)}</fieldset>";

        string Scale(Func<string, string> name) =>
            $"<div class=\"scale\">{string.Concat(field.Picks.Select(pick => $"<label><input type=\"radio\" name=\"{key}\" value=\"{pick}\"{On("checked", values.Contains(pick))}><span>{E(name(pick))}</span></label>"))}</div>";

        string Ends(string low, string high) => $"<div class=\"ends\"><span>{E(T(low))}</span><span>{E(T(high))}</span></div>";
    }

    private static string TypeOf(FormFieldKind kind) => kind switch
    {
        FormFieldKind.Email => "email",
        FormFieldKind.Phone => "tel",
        FormFieldKind.Number => "number",
        FormFieldKind.Date => "date",
        _ => "text",
    };

    private static string Completes(FormFieldKind kind) => kind switch
    {
        FormFieldKind.Email => " autocomplete=\"email\"",
        FormFieldKind.Phone => " autocomplete=\"tel\"",
        FormFieldKind.Number => " step=\"any\"",
        _ => "",
    };

    private static string Hidden(string name, string? value) => value is null ? "" : $"<input type=\"hidden\" name=\"{name}\" value=\"{E(value)}\">";

    private static string On(string attribute, bool on) => on ? $" {attribute}" : "";

    private static string Faulty(string key, FormFault? fault) => fault is null ? "" : $" aria-invalid=\"true\" aria-describedby=\"fault-{key}\"";

    private static string Must(bool required) => required ? " <span class=\"must\" aria-hidden=\"true\">*</span>" : "";

    private static string E(string text) => WebUtility.HtmlEncode(text);

    private string Told(string key, FormFault? fault) => fault is null ? "" : $"<div class=\"fault\" id=\"fault-{key}\">{E(T($"Form.Fault.{fault}"))}</div>";

    private string T(string name) => texts[name];
}
