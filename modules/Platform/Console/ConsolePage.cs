using CdpMonolith.Platform.Users;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.Localization;
using Microsoft.Extensions.Logging;
using Microsoft.JSInterop;
using Radzen;

namespace CdpMonolith.Platform.Console;

/// <summary>
/// What pages and panels share: loading with its four faces, leaving, asking and telling. A page overrides
/// <see cref="LoadAsync"/>, which runs at first and whenever its parameters (the address) change.
/// </summary>
public abstract partial class ConsolePage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _leaving = new();
    private string? _focusNext;

    [Inject]
    protected NavigationManager Navigation { get; set; } = null!;

    [Inject]
    protected TimeProvider Clock { get; set; } = null!;

    [Inject]
    private DialogService Dialogs { get; set; } = null!;

    [Inject]
    private NotificationService Notifications { get; set; } = null!;

    [Inject]
    private IStringLocalizer<Texts> ConsoleTexts { get; set; } = null!;

    [Inject]
    private ILoggerFactory Loggers { get; set; } = null!;

    [Inject]
    private IJSRuntime Script { get; set; } = null!;

    [CascadingParameter]
    private Task<AuthenticationState> Authentication { get; set; } = null!;

    /// <summary>Cancelled when the reader leaves the page.</summary>
    protected CancellationToken Leaving => _leaving.Token;

    /// <summary>True until <see cref="LoadAsync"/> has ended for the first time.</summary>
    protected bool Loading { get; private set; } = true;

    /// <summary>True when the last load failed; show a <c>FailureBanner</c> with <see cref="ReloadAsync"/>.</summary>
    protected bool Failed { get; private set; }

    /// <summary>Reads what the page shows.</summary>
    protected virtual Task LoadAsync() => Task.CompletedTask;

    protected override Task OnParametersSetAsync() => ReloadAsync();

    /// <summary>Loads again and draws the result; a failure becomes <see cref="Failed"/>.</summary>
    protected async Task ReloadAsync()
    {
        try
        {
            await LoadAsync();
            Failed = false;
        }
        catch (OperationCanceledException) when (_leaving.IsCancellationRequested)
        {
            return;
        }
        catch (Exception fault)
        {
            Failed = true;
            LogFailed(Loggers.CreateLogger(GetType()), GetType().Name, fault);
        }

        Loading = false;
        StateHasChanged();
    }

    /// <summary>Loads again and again for as long as the page is shown. Call it once, from <c>OnAfterRender(firstRender)</c>.</summary>
    protected async void RefreshEvery(TimeSpan pause)
    {
        try
        {
            using var timer = new PeriodicTimer(pause);
            while (await timer.WaitForNextTickAsync(_leaving.Token))
            {
                await InvokeAsync(ReloadAsync);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <summary>
    /// Once the page is drawn again, the keyboard goes on at the element with this id: what had it may be gone by then, or there is
    /// something new to fill in.
    /// </summary>
    protected void FocusNext(string id) => _focusNext = id;

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_focusNext is { } id)
        {
            _focusNext = null;
            await FocusAsync($"#{id}");
        }
    }

    /// <summary>Who is signed in.</summary>
    protected async Task<Actor> ActorAsync() => Actor.Of((await Authentication).User);

    /// <summary>Whether who is signed in has one of the roles that a policy asks for.</summary>
    protected async Task<bool> MayAsync(string policy) => Policies.Allows((await Authentication).User, policy);

    /// <summary>Asks before something that is not easily undone. True: go on.</summary>
    /// <param name="loses">Something is lost by it: the button that goes on is red, and Enter alone does not press it.</param>
    protected async Task<bool> ConfirmAsync(string title, string text, string yes, bool loses = false)
    {
        await TellBrowserAsync("cdp.remember");
        var asked = Dialogs.Confirm(text, title, new ConfirmOptions
        {
            OkButtonText = yes, CancelButtonText = ConsoleTexts["Confirm.No"], CloseDialogOnEsc = true, AutoFocusFirstElement = !loses,
            CssClass = loses ? "confirm-danger" : null,
        });
        if (loses)
        {
            await FocusAsync(".confirm-danger .rz-dialog-confirm-buttons .rz-button:last-child");
        }

        var agreed = await asked == true;
        if (!agreed)
        {
            await TellBrowserAsync("cdp.goBack");
        }

        return agreed;
    }

    /// <summary>Asks before changes are given up that were not saved. True: they may be lost.</summary>
    protected Task<bool> ConfirmLossAsync() => ConfirmAsync(ConsoleTexts["Unsaved.Title"], ConsoleTexts["Unsaved.Text"], ConsoleTexts["Unsaved.Leave"], loses: true);

    /// <summary>Opens a component as a dialog; what it is closed with, or null.</summary>
    /// <param name="mayClose">Asked when the reader closes it by Escape or by its cross; null: it may.</param>
    protected async Task<object?> DialogAsync<T>(string title, Dictionary<string, object?> parameters, string width = "560px", Func<Task<bool>>? mayClose = null)
        where T : ComponentBase =>
        await Dialogs.OpenAsync<T>(title, parameters!, new DialogOptions
        {
            Width = $"min({width}, calc(100vw - 32px))", CloseDialogOnEsc = true, Draggable = false, Resizable = false, CanClose = mayClose,
        });

    /// <summary>Tells that something was done.</summary>
    protected void Tell(string text) => Notifications.Notify(NotificationSeverity.Success, text, duration: 4000);

    /// <summary>Tells why something was refused.</summary>
    protected void Tell(Problem problem) => Notifications.Notify(NotificationSeverity.Error, problem.Message, duration: 8000);

    private Task FocusAsync(string selector) => TellBrowserAsync("cdp.focus", selector);

    private async Task TellBrowserAsync(string function, params object?[] arguments)
    {
        try
        {
            await Script.InvokeVoidAsync(function, Leaving, arguments);
        }
        catch (Exception fault) when (fault is OperationCanceledException or JSDisconnectedException)
        {
            // The reader has left.
        }
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Override to give up what the page subscribed to.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing && !_leaving.IsCancellationRequested)
        {
            _leaving.Cancel();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Page} could not load")]
    private static partial void LogFailed(ILogger logger, string page, Exception fault);
}
