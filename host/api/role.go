package api

import (
	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
)

// open is the role of a procedure that needs no session.
const open = mostradorv1.Role_ROLE_UNSPECIFIED

// roles says the least role that a procedure needs; a role may all that a lesser one may. A procedure that is
// not in the table can be called by nobody, and a test finds it.
var roles = map[string]mostradorv1.Role{
	mostradorv1connect.AccessServiceStatusProcedure:        open,
	mostradorv1connect.AccessServiceSetupProcedure:         open,
	mostradorv1connect.AccessServiceSignInProcedure:        open,
	mostradorv1connect.AccessServiceSignOutProcedure:       open,
	mostradorv1connect.AccessServiceListOperatorsProcedure: mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.AccessServicePutOperatorProcedure:   mostradorv1.Role_ROLE_TECHNICIAN,

	mostradorv1connect.CustomerServiceRegisterProcedure: mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceCheckProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceGetProcedure:      mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceUpdateProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceSearchProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceSheetProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceActivateProcedure: mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceRunProcedure:      mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.CustomerServiceWithdrawProcedure: mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.FieldServiceListProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.FieldServicePutProcedure:     mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.FieldServicePreviewProcedure: mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.FieldServiceRetireProcedure:  mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.FieldServiceRestoreProcedure: mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.FieldServiceTryProcedure:     mostradorv1.Role_ROLE_TECHNICIAN,

	mostradorv1connect.SaleServiceRecordProcedure: mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.SaleServiceGetProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.SaleServiceListProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.SaleServiceRefundProcedure: mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.SegmentServiceListProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.SegmentServiceTermsProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.SegmentServicePreviewProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.SegmentServicePutProcedure:     mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.SegmentServiceDeleteProcedure:  mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.ConsentServiceShowProcedure:   mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.ConsentServiceVerifyProcedure: mostradorv1.Role_ROLE_TECHNICIAN,

	mostradorv1connect.MessageServiceListProcedure:  mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.MessageServiceGetProcedure:   mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.MessageServiceRetryProcedure: mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.EventServiceWatchProcedure:         mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.EventServiceListProcedure:          mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.EventServiceParkedProcedure:        mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.EventServiceRetryParkedProcedure:   mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.EventServiceDiscardParkedProcedure: mostradorv1.Role_ROLE_TECHNICIAN,

	mostradorv1connect.SettingServiceListProcedure:     mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceGetProcedure:      mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceSetProcedure:      mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceHistoryProcedure:  mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceRevertProcedure:   mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServicePreviewProcedure:  mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceSendTestProcedure: mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceExportProcedure:   mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.SettingServiceImportProcedure:   mostradorv1.Role_ROLE_TECHNICIAN,

	mostradorv1connect.PluginServiceListProcedure:          mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceEnableProcedure:        mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceDisableProcedure:       mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceWhyProcedure:           mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceInspectProcedure:       mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceInstallProcedure:       mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceRollbackProcedure:      mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceRemoveProcedure:        mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceLogsProcedure:          mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceCheckProcedure:         mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceSettleProcedure:        mostradorv1.Role_ROLE_TECHNICIAN,
	mostradorv1connect.PluginServiceContributionsProcedure: mostradorv1.Role_ROLE_CASHIER,

	mostradorv1connect.RecordServiceHistoryProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.RecordServiceDuplicatesProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RecordServiceDismissProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RecordServiceMergeProcedure:      mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RecordServiceUnmergeProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RecordServiceDiscloseProcedure:   mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RecordServiceEraseProcedure:      mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.RuleServiceListProcedure:     mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RuleServicePutProcedure:      mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RuleServiceDeleteProcedure:   mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.RuleServiceRehearseProcedure: mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.TagServiceListProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.TagServicePutProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TagServiceDeleteProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TagServiceApplyProcedure:  mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.TaskServiceListProcedure:   mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.TaskServiceGetProcedure:    mostradorv1.Role_ROLE_CASHIER,
	mostradorv1connect.TaskServicePauseProcedure:  mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TaskServiceResumeProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TaskServiceCancelProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TaskServiceUndoProcedure:   mostradorv1.Role_ROLE_OPERATOR,

	mostradorv1connect.TransferServiceUploadProcedure:  mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceReadProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServicePlanProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceRowsProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceApplyProcedure:   mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceGetProcedure:     mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceListProcedure:    mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceDiscardProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceRefusedProcedure: mostradorv1.Role_ROLE_OPERATOR,
	mostradorv1connect.TransferServiceExportProcedure:  mostradorv1.Role_ROLE_OPERATOR,
}
