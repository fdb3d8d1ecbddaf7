package main

import "time"

// grammar is the command line. What a name means is explained in the translation files: command "customer
// set" by the key cli.help_customer_set (with its examples in cli.more_customer_set), flag --till by
// cli.flag_till, argument FIELDS by cli.arg_fields.
type grammar struct {
	Home     string   `env:"MOSTRADOR_HOME" placeholder:"DIR"`
	JSON     bool     `name:"json"`
	Language string   `placeholder:"es|en"`
	Till     string   `env:"MOSTRADOR_TILL" placeholder:"N"`
	Plugins  string   `env:"MOSTRADOR_PLUGINS" placeholder:"DIR"`
	Log      string   `env:"MOSTRADOR_LOG" enum:"off,error,warn,info,debug," default:"" placeholder:"off|error|warn|info|debug"`
	Help     helpFlag `short:"h"`

	Serve    serveCmd `cmd:""`
	Customer struct {
		Register customerRegisterCmd `cmd:""`
		Show     customerShowCmd     `cmd:""`
		Search   customerSearchCmd   `cmd:""`
		Set      customerSetCmd      `cmd:""`
		Activate customerActivateCmd `cmd:""`
		Withdraw customerWithdrawCmd `cmd:""`

		History    customerHistoryCmd    `cmd:""`
		Duplicates customerDuplicatesCmd `cmd:""`
		Merge      customerMergeCmd      `cmd:""`
		Unmerge    customerUnmergeCmd    `cmd:""`
		Disclose   customerDiscloseCmd   `cmd:""`
		Erase      customerEraseCmd      `cmd:""`

		Import customerImportCmd `cmd:""`
		Export customerExportCmd `cmd:""`
	} `cmd:""`
	Field struct {
		List    fieldListCmd    `cmd:""`
		Put     fieldPutCmd     `cmd:""`
		Preview fieldPreviewCmd `cmd:""`
		Try     fieldTryCmd     `cmd:""`
		Retire  fieldRetireCmd  `cmd:""`
		Restore fieldRestoreCmd `cmd:""`
	} `cmd:""`
	Setting struct {
		List     settingListCmd     `cmd:""`
		Get      settingGetCmd      `cmd:""`
		Set      settingSetCmd      `cmd:""`
		History  settingHistoryCmd  `cmd:""`
		Revert   settingRevertCmd   `cmd:""`
		Export   settingExportCmd   `cmd:""`
		Import   settingImportCmd   `cmd:""`
		TestMail settingTestMailCmd `cmd:""`
	} `cmd:""`
	Plugin struct {
		List    pluginListCmd    `cmd:""`
		Enable  pluginEnableCmd  `cmd:""`
		Disable pluginDisableCmd `cmd:""`
		Why     pluginWhyCmd     `cmd:""`

		Install  pluginInstallCmd  `cmd:""`
		Upgrade  pluginUpgradeCmd  `cmd:""`
		Rollback pluginRollbackCmd `cmd:""`
		Remove   pluginRemoveCmd   `cmd:""`
		Logs     pluginLogsCmd     `cmd:""`
		Settle   pluginSettleCmd   `cmd:""`
		Check    pluginCheckCmd    `cmd:""`

		New    pluginNewCmd    `cmd:""`
		Pack   pluginPackCmd   `cmd:""`
		Sign   pluginSignCmd   `cmd:""`
		Verify pluginVerifyCmd `cmd:""`
		Key    pluginKeyCmd    `cmd:""`
	} `cmd:""`
	Action struct {
		Run actionRunCmd `cmd:""`
	} `cmd:""`
	Message struct {
		List   messageListCmd   `cmd:""`
		Show   messageShowCmd   `cmd:""`
		Why    messageWhyCmd    `cmd:""`
		Retry  messageRetryCmd  `cmd:""`
		Cancel messageCancelCmd `cmd:""`
	} `cmd:""`
	Segment struct {
		List    segmentListCmd    `cmd:""`
		Show    segmentShowCmd    `cmd:""`
		Put     segmentPutCmd     `cmd:""`
		Delete  segmentDeleteCmd  `cmd:""`
		Preview segmentPreviewCmd `cmd:""`
	} `cmd:""`
	Sale struct {
		Record saleRecordCmd `cmd:""`
		Refund saleRefundCmd `cmd:""`
		List   saleListCmd   `cmd:""`
	} `cmd:""`
	Promotion struct {
		List   promotionListCmd   `cmd:""`
		Put    promotionPutCmd    `cmd:""`
		Issue  promotionIssueCmd  `cmd:""`
		Check  promotionCheckCmd  `cmd:""`
		Redeem promotionRedeemCmd `cmd:""`
		Codes  promotionCodesCmd  `cmd:""`
	} `cmd:""`
	Offer struct {
		List   offerListCmd   `cmd:""`
		Put    offerPutCmd    `cmd:""`
		Delete offerDeleteCmd `cmd:""`
		Choose offerChooseCmd `cmd:""`
	} `cmd:""`
	Consent struct {
		Show   consentShowCmd   `cmd:""`
		Verify consentVerifyCmd `cmd:""`
	} `cmd:""`
	Event struct {
		List    eventListCmd    `cmd:""`
		Parked  eventParkedCmd  `cmd:""`
		Retry   eventRetryCmd   `cmd:""`
		Discard eventDiscardCmd `cmd:""`
	} `cmd:""`
	Subscription struct {
		Topics subscriptionTopicsCmd `cmd:""`
		Put    subscriptionPutCmd    `cmd:""`
		Delete subscriptionDeleteCmd `cmd:""`
		Show   subscriptionShowCmd   `cmd:""`
		Change subscriptionChangeCmd `cmd:""`
	} `cmd:""`
	Integration struct {
		Types integrationTypesCmd `cmd:""`
		Type  struct {
			Put    integrationTypePutCmd    `cmd:""`
			Delete integrationTypeDeleteCmd `cmd:""`
		} `cmd:""`
		Post integrationPostCmd `cmd:""`
		Keys integrationKeysCmd `cmd:""`
		Key  struct {
			Create integrationKeyCreateCmd `cmd:""`
			Revoke integrationKeyRevokeCmd `cmd:""`
		} `cmd:""`
		Webhooks integrationWebhooksCmd `cmd:""`
		Webhook  struct {
			Put    integrationWebhookPutCmd    `cmd:""`
			Delete integrationWebhookDeleteCmd `cmd:""`
			Test   integrationWebhookTestCmd   `cmd:""`
			Calls  integrationWebhookCallsCmd  `cmd:""`
			Retry  integrationWebhookRetryCmd  `cmd:""`
		} `cmd:""`
	} `cmd:""`
	Rule struct {
		List     ruleListCmd     `cmd:""`
		Put      rulePutCmd      `cmd:""`
		On       ruleOnCmd       `cmd:""`
		Off      ruleOffCmd      `cmd:""`
		Delete   ruleDeleteCmd   `cmd:""`
		Rehearse ruleRehearseCmd `cmd:""`
	} `cmd:""`
	Tag struct {
		List   tagListCmd   `cmd:""`
		Put    tagPutCmd    `cmd:""`
		Delete tagDeleteCmd `cmd:""`
		Apply  tagApplyCmd  `cmd:""`
	} `cmd:""`
	Task struct {
		List   taskListCmd   `cmd:""`
		Show   taskShowCmd   `cmd:""`
		Pause  taskPauseCmd  `cmd:""`
		Resume taskResumeCmd `cmd:""`
		Cancel taskCancelCmd `cmd:""`
		Undo   taskUndoCmd   `cmd:""`
	} `cmd:""`
	Template struct {
		List      templateListCmd      `cmd:""`
		Show      templateShowCmd      `cmd:""`
		Put       templatePutCmd       `cmd:""`
		Delete    templateDeleteCmd    `cmd:""`
		Preview   templatePreviewCmd   `cmd:""`
		Versions  templateVersionsCmd  `cmd:""`
		Restore   templateRestoreCmd   `cmd:""`
		Test      templateTestCmd      `cmd:""`
		Variables templateVariablesCmd `cmd:""`
	} `cmd:""`
	Operator struct {
		List operatorListCmd `cmd:""`
		Put  operatorPutCmd  `cmd:""`
	} `cmd:""`
	Delivery struct {
		Dashboard deliveryDashboardCmd `cmd:""`
		Addresses deliveryAddressesCmd `cmd:""`
		Suppress  deliverySuppressCmd  `cmd:""`
		Release   deliveryReleaseCmd   `cmd:""`
		Reports   deliveryReportsCmd   `cmd:""`
		Show      deliveryShowCmd      `cmd:""`
		Settle    deliverySettleCmd    `cmd:""`
		Receive   deliveryReceiveCmd   `cmd:""`
		Fetch     deliveryFetchCmd     `cmd:""`
	} `cmd:""`
	Doctor struct {
		Store doctorCmd     `cmd:"" default:"1"`
		Mail  doctorMailCmd `cmd:""`
	} `cmd:""`
	Version versionCmd `cmd:""`
}

type serveCmd struct {
	Listen    string `default:"127.0.0.1:8600" placeholder:"HOST:PORT"`
	WebListen string `default:"127.0.0.1:8601" placeholder:"HOST:PORT"`
}

type customerRegisterCmd struct {
	Name           string            `placeholder:"NAME"`
	Phone          string            `placeholder:"PHONE"`
	Email          string            `placeholder:"EMAIL"`
	Lang           string            `placeholder:"es|en"`
	Card           []string          `placeholder:"CARD" sep:"none"`
	Tag            []string          `placeholder:"TAG" sep:"none"`
	Field          map[string]string `placeholder:"FIELD=VALUE" mapsep:"none"`
	Promotions     bool
	IdempotencyKey string   `placeholder:"KEY"`
	Fields         []string `arg:"" optional:"" placeholder:"FIELD=VALUE"`
}

type customerShowCmd struct {
	Customer string `arg:""`
}

type customerSearchCmd struct {
	Words []string `arg:"" optional:""`
	Limit int32    `default:"50" placeholder:"N"`
	Page  string   `placeholder:"PAGE"`
}

type customerSetCmd struct {
	Customer string   `arg:""`
	Revision uint64   `placeholder:"N"`
	Fields   []string `arg:""`
}

type customerActivateCmd struct {
	Customer string `arg:""`
	Code     string `arg:""`
}

type customerWithdrawCmd struct {
	Customer string `arg:""`
}

type settingListCmd struct {
	Words []string `arg:"" optional:""`
}

type settingGetCmd struct {
	Key string `arg:""`
}

type settingSetCmd struct {
	Key         string  `arg:""`
	Value       *string `arg:"" optional:""`
	ContentFile string  `placeholder:"FILE"`
	Scope       string  `enum:"chain,store,till," default:"" placeholder:"chain|store|till"`
	Clear       bool
}

type settingHistoryCmd struct {
	Key   string `arg:"" optional:""`
	Limit int32  `default:"50" placeholder:"N"`
}

type settingRevertCmd struct {
	Key    string `arg:""`
	Change uint64 `arg:""`
}

type settingExportCmd struct {
	All bool
	To  string `placeholder:"FILE.yaml"`
}

type settingImportCmd struct {
	Exported string `arg:"" placeholder:"FILE.yaml"`
	Apply    bool
}

type settingTestMailCmd struct {
	To string `arg:""`
}

type pluginListCmd struct{}

type pluginEnableCmd struct {
	Plugin string `arg:""`
}

type pluginDisableCmd struct {
	Plugin string `arg:""`
}

type pluginWhyCmd struct {
	Target string `arg:""`
}

type actionRunCmd struct {
	Plugin   string   `arg:""`
	Action   string   `arg:""`
	Customer string   `arg:""`
	Form     []string `arg:"" optional:""`
}

type messageListCmd struct {
	Customer string `placeholder:"CUSTOMER"`
	State    string `enum:"queued,sent,spooled,failed,suppressed,cancelled," default:"" placeholder:"queued|sent|spooled|failed|suppressed|cancelled"`
	Plugin   string `placeholder:"PLUGIN"`
	Template string `placeholder:"TEMPLATE"`
	ByRule   string `placeholder:"RULE"`
	Troubled bool
	Limit    int32  `default:"50" placeholder:"N"`
	Page     string `placeholder:"PAGE"`
}

type messageShowCmd struct {
	Message string `arg:""`
	Eml     bool   `xor:"form"`
	HTML    bool   `name:"html" xor:"form"`
	Text    bool   `xor:"form"`
}

type messageRetryCmd struct {
	Message  string `arg:"" optional:""`
	Failed   bool
	Plugin   string        `placeholder:"PLUGIN"`
	Template string        `placeholder:"TEMPLATE"`
	ByRule   string        `placeholder:"RULE"`
	Within   time.Duration `placeholder:"48h"`
	DryRun   bool
}

type messageCancelCmd struct {
	Message string `arg:""`
}

type messageWhyCmd struct {
	Message       string `arg:"" optional:""`
	Customer      string `placeholder:"CUSTOMER"`
	Transactional bool
	Topic         string `placeholder:"TOPIC"`
}

type segmentListCmd struct{}

type segmentShowCmd struct {
	Segment string `arg:""`
	Limit   int32  `default:"10" placeholder:"N"`
}

type segmentPutCmd struct {
	Segment     string  `arg:""`
	Expression  string  `arg:"" optional:""`
	Description *string `placeholder:"TEXT"`
	Rename      string  `placeholder:"NAME"`
}

type segmentDeleteCmd struct {
	Segment string `arg:""`
}

type segmentPreviewCmd struct {
	Expression string `arg:""`
	Limit      int32  `default:"10" placeholder:"N"`
}

type saleRecordCmd struct {
	Receipt  string   `arg:""`
	Amount   string   `arg:""`
	Customer string   `placeholder:"CUSTOMER"`
	Line     []string `placeholder:"ARTICLE" sep:"none"`
}

type saleRefundCmd struct {
	Receipt       string `arg:""`
	Amount        string `arg:"" optional:""`
	RefundReceipt string `placeholder:"RECEIPT"`
}

type saleListCmd struct {
	Customer string `placeholder:"CUSTOMER"`
	Limit    int32  `default:"50" placeholder:"N"`
}

type consentShowCmd struct {
	Customer string `arg:""`
}

type consentVerifyCmd struct{}

type eventListCmd struct {
	After    uint64 `placeholder:"N"`
	Limit    int32  `default:"50" placeholder:"N"`
	Customer string `placeholder:"CUSTOMER"`
	Type     string `placeholder:"TYPE"`
	Newest   bool
}

type eventParkedCmd struct{}

type eventRetryCmd struct {
	Plugin string `arg:""`
	Event  uint64 `arg:""`
}

type eventDiscardCmd struct {
	Plugin string `arg:""`
	Event  uint64 `arg:""`
}

type operatorListCmd struct{}

type operatorPutCmd struct {
	Name    string `arg:""`
	Role    string `enum:"cashier,operator,technician,administrator," default:"" placeholder:"cashier|operator|technician|administrator"`
	PIN     string `name:"pin" placeholder:"PIN|-"`
	Badge   string `placeholder:"BADGE|-"`
	Disable bool   `xor:"able"`
	Enable  bool   `xor:"able"`
}

type versionCmd struct{}
